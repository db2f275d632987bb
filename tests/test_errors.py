"""The table of errors: complete, in the docs, and with something to do wherever one is raised."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli.errors_page import kinds, meaning, page
from bridge.errors import BridgeError, StoreError, StoreFullError

ROOT = Path(__file__).parent.parent
CARRIERS = {"RemoteError"}
"""Carry an error that another process raised, with its code."""

NOTHING_TO_DO = {
    "The account is gone.",
    "The account was removed while it was synced.",
    "The provider's answer ended in the middle of a message.",
}
"""Sentences without a remedy: nobody can do anything, or it is done by itself."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "bridge").rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def test_the_page_is_what_the_table_makes() -> None:
    shown = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert shown == page(), "docs/errors.md is older than bridge/errors.py: run `make docs`"


def test_every_error_of_the_program_is_in_the_table() -> None:
    names = {kind.__name__ for kind in kinds()}
    elsewhere = {
        node.name
        for path, tree in trees()
        for node in ast.walk(tree)
        if path != "bridge/errors.py" and isinstance(node, ast.ClassDef)
        if names & {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
    }
    assert elsewhere <= CARRIERS, "put new kinds of errors into bridge/errors.py"


def test_codes_are_one_of_a_kind_and_well_formed() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(codes) == len(set(codes)) > 20
    assert all(re.fullmatch(r"BR-[A-Z]+[0-9]?[A-Z]*-\d\d", code) for code in codes)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_each_kind_says_what_happened_and_what_to_do_itself(kind: type[BridgeError]) -> None:
    for name in ("code", "__doc__", "advice"):
        assert vars(kind).get(name), f"{kind.__name__} has no {name} of its own"
    assert meaning(kind).endswith(".") and kind.advice.endswith(".")


def test_an_imap_client_is_told_that_the_store_is_unavailable() -> None:
    unavailable = {kind for kind in kinds() if kind.imap}
    assert unavailable == {StoreFullError, *(k for k in kinds() if issubclass(k, StoreError))}


def raised() -> Iterator[tuple[str, ast.Call]]:
    names = {kind.__name__ for kind in kinds()}
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in names:
                yield f"{path}:{node.lineno}", node


def test_whoever_raises_says_what_to_do() -> None:
    found = list(raised())
    assert len(found) > 80
    for where, call in found:
        given = [*call.args[1:], *(word.value for word in call.keywords if word.arg == "remedy")]
        if given:
            empty = isinstance(given[0], ast.Constant) and not str(given[0].value).strip()
            assert not empty, f"{where}: the remedy is empty"
        else:
            text = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
            assert text in NOTHING_TO_DO, f"{where}: an error without a remedy"
