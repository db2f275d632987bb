"""Every line that is logged has a name, and each name is explained."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from bridge.model.event import EVENTS, TWISTED, event_name

ROOT = Path(__file__).parents[1]
METHODS = {"debug", "info", "warn", "warning", "error", "exception", "failure", "critical"}


def texts() -> Iterator[tuple[str, str]]:
    """(where, text) of each call that logs."""
    for path in sorted((ROOT / "bridge").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log"), attr=method), args=[first, *_]
                ) if method in METHODS:
                    yield f"{path.name}:{node.lineno}", ast.literal_eval(first)


def test_every_text_that_is_logged_has_a_name_and_none_is_left_over() -> None:
    logged = dict(texts())
    assert {where: text for where, text in logged.items() if event_name(text) is None} == {}
    named = [text for texts in EVENTS.values() for text in texts]
    assert len(set(named)) == len(named)
    assert set(named) == set(logged.values())


def test_the_page_explains_each_name() -> None:
    page = (ROOT / "docs" / "logs.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == {*EVENTS, TWISTED}
