"""What the daemon does once it is ready."""

import gc
import sys
import time

from bridge.app.daemon import settle


def test_what_the_start_has_made_is_not_looked_through_again() -> None:
    gc.collect()
    before = _collection_s()
    try:
        settle()
        assert "bridge.admin.operations" in sys.modules
        assert _collection_s() < before / 5
    finally:
        gc.unfreeze()


def _collection_s() -> float:
    """Seconds of CPU that a full collection takes: the least of some, since others run too."""
    spent = []
    for _ in range(3):
        began = time.thread_time()
        gc.collect()
        spent.append(time.thread_time() - began)
    return min(spent)
