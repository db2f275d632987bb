"""What metrics tell of the store and the reactor, measured now and then, not at each scrape."""

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from bridge.app.condition import Condition
from bridge.app.core import Core
from bridge.errors import BridgeError
from bridge.store.epoch import last_backup_s
from bridge.store.tx import ReadTx

STORE_S = 15.0
"""As often as Prometheus scrapes by default."""

LAG_S = 1.0
LAGS = 60
"""How often the reactor is looked at, and how many of these are remembered: a minute's."""

_log = logging.getLogger("popbridge")


class Measuring:
    """Measures until the process ends; a disk that hangs holds up nobody but this."""

    def __init__(self, core: Core, condition: Condition) -> None:
        self._core = core
        self._condition = condition
        self._lags: deque[float] = deque(maxlen=LAGS)
        self._due_s = time.monotonic()

    def start(self) -> None:
        """Measures at once, and from then on."""
        self._look_at_store()
        self._look_at_reactor()

    def _look_at_reactor(self) -> None:
        now_s = time.monotonic()
        self._lags.append(max(0.0, now_s - self._due_s))
        self._core.metrics.reactor_lagged(self._lags[-1], max(self._lags))
        self._due_s = now_s + LAG_S
        self._core.loop.later(LAG_S, self._look_at_reactor)

    def _look_at_store(self) -> None:
        self._core.loop.spawn(self._measure())

    async def _measure(self) -> None:
        core = self._core
        try:
            files, free = await core.in_background(_measured(core.store_path))
            core.metrics.store_measured(files, free)
            self._condition.free_octets = free
            core.metrics.store_counted(*await core.database.read(_counted))
        except (OSError, BridgeError) as error:
            _log.warning("The store can't be measured: %s", error)
        finally:
            core.loop.later(STORE_S, self._look_at_store)


def _measured(store: Path) -> Callable[[], tuple[Mapping[str, int], int]]:
    def measure() -> tuple[Mapping[str, int], int]:
        wal = store.with_name(f"{store.name}-wal")
        sizes = {
            "database": store.stat().st_size,
            "wal": wal.stat().st_size if wal.exists() else 0,
        }
        return sizes, shutil.disk_usage(store.parent).free

    return measure


def _counted(tx: ReadTx) -> tuple[int, float]:
    return tx.all_messages(), float(last_backup_s(tx) or 0)
