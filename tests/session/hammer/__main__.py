"""`python -m tests.session.hammer [--seconds N] [--seed N] [--mode M] [memory|sockets|orders]…`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.imap_harness import Server
from tests.session.hammer.drive import MODES, Crowd
from tests.session.hammer.memory import MemoryWorld
from tests.session.hammer.sockets import SocketWorld
from tests.session.scenes import CROWDS, SCENES
from tests.session.schedules import Scene, every, some

WORLDS: dict[str, type[MemoryWorld] | type[SocketWorld]] = {
    "memory": MemoryWorld,
    "sockets": SocketWorld,
}
COMMANDS = 10_000
"""Of one crowd; then there is a new one with the next seed."""


def hammer(name: str, mode: str, seconds: float, seed: int) -> None:
    """Runs one crowd after another; what they find is raised, its seed is the last one printed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        print(f"{name}, {mode}, seed {seed}: ", end="", flush=True)
        chance = Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            world = WORLDS[name](Path(folder), chance)
            try:
                crowd = Crowd(world, chance, MODES[mode])
                while crowd.commands < COMMANDS and time.monotonic() < until:
                    crowd.round()
            finally:
                world.close()
        print(f"{crowd.commands} commands, {crowd.rounds} comparisons, nothing found", flush=True)
        seed += 1


def orders(seconds: float, seed: int) -> None:
    """Tries every order of the scenes of two clients, then by chance orders of those of three."""
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        for name, parts in SCENES.items():
            print(f"{name}: {every(Scene(server, parts).run)} orders, nothing found", flush=True)
        crowds = {name: Scene(server, parts) for name, parts in CROWDS.items()}
        while time.monotonic() < until:
            for name, scene in crowds.items():
                print(f"{name}, seed {seed}: ", end="", flush=True)
                some(scene.run, Random(seed), 100)
                print("100 orders, nothing found", flush=True)
            seed += 1
        server.close()


def main() -> int:
    """0; what is found is raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.session.hammer")
    parser.add_argument("--seconds", type=int, default=300, help="in each world")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=MODES, default="mixed", help="what the clients are")
    parser.add_argument("worlds", nargs="*", help=f"of {', '.join(WORLDS)}, orders")
    chosen = parser.parse_args()
    for name in chosen.worlds or WORLDS:
        if name == "orders":
            orders(chosen.seconds, chosen.seed)
            continue
        hammer(name, chosen.mode, chosen.seconds, chosen.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
