"""One fuzzing process: Atheris guides inputs by the coverage of `bridge`.

An exception is written down once for each place it comes from and fuzzing goes on; a hang or too
much memory ends the process, with the input left behind by libFuzzer.
"""

import hashlib
import importlib
import sys
from pathlib import Path
from random import Random

import atheris

from tests.fuzz.findings import place
from tests.fuzz.mutation import mutate


def main() -> None:
    """Arguments: the target's name, the folder of its crashes, and libFuzzer's own."""
    name, crashes, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["bridge"], enable_loader_override=False):
        module = importlib.import_module(f"tests.fuzz.targets.{name}")
    known: set[str] = set()

    def one(octets: bytes) -> None:
        try:
            module.target(octets)
        except Exception as error:
            where = place(error)
            if where not in known:
                known.add(where)
                stem = hashlib.sha256(where.encode()).hexdigest()[:12]
                (Path(crashes) / f"crash-{stem}").write_bytes(octets)

    def changed(octets: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.4:
            return bytes(atheris.Mutate(octets, most))
        return mutate(module, octets, rng)[:most]

    atheris.Setup([sys.argv[0], *options], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
