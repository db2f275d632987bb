"""`make mutations`: takes the guards of the promises out, one at a time; the named tests must fail.

    python -m tests.mutations ["promise 3" | words of a guard ...]

Works on copies of the tree. A guard whose text isn't in the code any more, a mutant that can't even
be imported, and a named test that fails without any mutation are errors of the table.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.promises.guards import GUARDS, Guard

ROOT = Path(__file__).parent.parent
COPIES = 2
"""Trees that are mutated side by side."""

TIMEOUT_S = 60
"""Of each test: a guard may be what ends a loop."""

_CONFTEST = """
import sys
from pathlib import Path

import bridge

def pytest_sessionfinish(session, exitstatus):
    here = Path(__file__).parent
    for name, module in sys.modules.items():
        path = getattr(module, "__file__", None)
        if name.partition(".")[0] in ("bridge", "tests") and path:
            assert Path(path).is_relative_to(here), f"{path} is not the mutant's"
"""
"""In the copies: what is installed for development elsewhere must not be what is tested."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py::\w+)", re.M)


def copy_tree(to: Path) -> Path:
    """A tree of its own, with what the tests need."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "corpus-large")
    for name in ("bridge", "tests", "docs"):
        shutil.copytree(ROOT / name, to / name, ignore=ignored)
    for name in ("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, to / name)
    (to / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    return to


def failures(tree: Path, tests: Iterable[str]) -> tuple[int, set[str], str]:
    """Pytest's exit code, the functions that failed, and what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider"]
    command += ["-p", "no:randomly", "-p", "no:xdist", f"--timeout={TIMEOUT_S}", *tests]
    environ = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, timeout=600, env=environ
    )
    return done.returncode, set(_FAILED.findall(done.stdout)), done.stdout + done.stderr


def verdict(tree: Path, guard: Guard) -> str | None:
    """None where every named test failed without the guard; else what is wrong."""
    path = tree / guard.file
    text = path.read_text(encoding="utf-8")
    if text.count(guard.text) != 1:
        return f"stale: {guard.file} has its text {text.count(guard.text)} times"
    path.write_text(text.replace(guard.text, guard.instead), encoding="utf-8")
    try:
        code, failed, said = failures(tree, guard.tests)
    finally:
        path.write_text(text, encoding="utf-8")
    if code not in (0, 1) or "error during collection" in said:
        return f"the mutant can't be run: {said[-600:]}"
    survived = [test for test in guard.tests if test.partition("[")[0] not in failed]
    return f"SURVIVED: {', '.join(survived)}" if survived else None


def main(words: Sequence[str]) -> int:
    """Tries the guards that are named, or all; 1 if one is not what it must be."""
    chosen = [one for one in GUARDS if not words or any(word in one.name for word in words)]
    with TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(COPIES):
            trees.put(copy_tree(Path(folder, str(number))))
        tree = trees.get()
        code, failed, said = failures(tree, sorted({test for one in chosen for test in one.tests}))
        trees.put(tree)
        if code != 0:
            print(f"They fail without any mutation: {sorted(failed) or said}")
            return 1

        def judge(guard: Guard) -> str | None:
            tree = trees.get()
            try:
                return verdict(tree, guard)
            finally:
                trees.put(tree)

        wrong = 0
        with ThreadPoolExecutor(COPIES) as pool:
            for guard, found in zip(chosen, pool.map(judge, chosen), strict=True):
                wrong += found is not None
                print(f"{'killed' if found is None else found}: {guard.name}", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} mutations are killed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
