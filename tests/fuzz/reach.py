"""How much of `bridge` the inputs of a corpus reach: lines, of the functions they come to."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from tests.fuzz.findings import failure

MAX_INPUTS = 1000


def report(module: ModuleType, corpus: Path) -> None:
    """Prints for each file that the corpus touches how many lines of its functions it reaches."""
    reached = _reached(module, corpus)
    for file in sorted(reached):
        lines = _lines(Path(file), reached[file])
        hit = lines & reached[file]
        missed = sorted(lines - hit)
        short = file.rsplit("/bridge/", 1)[1]
        more = f"; not {', '.join(map(str, missed))}" if missed else ""
        print(f"  {short}: {len(hit)} of {len(lines)} lines{more}", flush=True)


def _reached(module: ModuleType, corpus: Path) -> dict[str, set[int]]:
    reached: defaultdict[str, set[int]] = defaultdict(set)

    def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if "/bridge/" not in frame.f_code.co_filename:
            return None
        reached[frame.f_code.co_filename].add(frame.f_lineno)
        return trace

    inputs = sorted(corpus.iterdir())[:MAX_INPUTS]
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for path in inputs:
            failure(module.target, path.read_bytes())
    finally:
        sys.settrace(before)
    return reached


def _lines(file: Path, reached: set[int]) -> set[int]:
    """The lines of the file's functions that were entered."""
    functions = _functions(compile(file.read_text(), file, "exec"))
    return {line for lines in functions if lines & reached for line in lines}


def _functions(code: CodeType) -> Iterator[set[int]]:
    """The lines of each function within, its first one, `def`, aside."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & inspect.CO_OPTIMIZED and constant.co_name[0] != "<":
                lines = {line for _, _, line in constant.co_lines() if line}
                yield lines - {constant.co_firstlineno}
            yield from _functions(constant)
