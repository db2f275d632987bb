"""`make hostile`: hostile clients of each kind, then all at once, at a real daemon; what a quiet
client notices. 1 where it is more than twice what it has in peace, and `FLOOR_S`.

    python -m tests.hostile [KIND ...]
"""

import sys
import tempfile
from pathlib import Path

from tests.hostile import house
from tests.hostile.crowd import KINDS
from tests.hostile.quiet import compare
from tests.leftovers import ended

FLOOR_S = 0.02
ROUNDS, SECONDS = 5, 3.0


def main() -> int:
    """As above."""
    kinds = sys.argv[1:] or list(KINDS)
    late = 0
    with tempfile.TemporaryDirectory(prefix="popbridge-hostile-") as folder, ended():
        daemon = house.start(Path(folder))
        for chosen in [*([kind] for kind in kinds), *([kinds] if len(kinds) > 1 else [])]:
            daemon.reset_high_water()
            before = daemon.high_water_octets()
            found = compare(daemon.port("imap"), daemon.port("imaps"), chosen, ROUNDS, SECONDS)
            grown = (daemon.high_water_octets() - before) >> 20
            print(f"{' '.join(chosen)}: + {grown} MiB")
            for one in found:
                within = one.is_within(FLOOR_S)
                late += not within
                print(f"  {one}{'' if within else '  <- too late'}", flush=True)
        daemon.stop()
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
