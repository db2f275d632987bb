"""Each limit stands where the table says, is met by the tests that it names, and counted."""

import ast
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from bridge import metrics
from bridge.config import LimitsConfig
from tests.hostile.limits import LIMITS, Limit

ROOT = Path(__file__).parents[2]

NO_LIMITS = {"still_here_s"}
"""Of [limits]: it is a reminder."""


@cache
def functions(file: str) -> dict[str, str]:
    """The source of a file's functions, decorators included, by name."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name] = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return found


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.what)
def test_it_stands_is_met_and_counted(limit: Limit) -> None:
    text = (ROOT / limit.file).read_text(encoding="utf-8")
    stands = re.findall(rf"(?m)^.*(?<![a-z_]){re.escape(limit.text)}", text)
    assert len(stands) == 1, f"{limit.file}: {limit.text}"
    bodies = []
    for test in limit.tests:
        file, _, name = test.partition("::")
        assert name in functions(file), test
        bodies.append(functions(file)[name])
    if limit.counted in metrics.LIMITS:
        assert any(f'"{limit.counted}"' in body for body in bodies), "no test sees it counted"
    else:
        names = metrics.Metrics("1", "1").exposition().decode()
        assert re.search(rf"(?m)^(popbridge_)?{limit.counted}\b", names)


def test_no_limit_is_left_out() -> None:
    texts = "\n".join(limit.text for limit in LIMITS)
    settings = {field.name for field in fields(LimitsConfig)} - NO_LIMITS
    assert {name for name in settings if f"{name}: Annotated[" not in texts} == set()
    for file in sorted((ROOT / "bridge/imap/commands").glob("*.py")):
        for name in re.findall(r"(?m)^(MAX_\w+) = ", file.read_text(encoding="utf-8")):
            assert f"{name} = " in texts or name in LIKE_ANOTHER, f"{file.name}: {name}"
    assert {limit.counted for limit in LIMITS} >= set(metrics.LIMITS)


LIKE_ANOTHER = {"MAX_NAMES": "NOTIFY's groups"}
"""Limits whose test is another's."""
