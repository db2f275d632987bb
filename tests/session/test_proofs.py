"""Each capability has scripts that use it, misuse it and use it beside another client."""

import re
from pathlib import Path

import pytest

from tests.scripts.proofs import ELSEWHERE, KINDS, TOKENS, claims, holds
from tests.scripts.runner import SCRIPTS, name

ROOT = Path(__file__).parents[2]
CLAIMS = [(path, token, kind) for path in SCRIPTS for token, kind in claims(path)]


def test_every_capability_is_proved() -> None:
    proved = {(token, kind) for _, token, kind in CLAIMS} | ELSEWHERE.keys()
    assert {(token, kind) for token in TOKENS for kind in KINDS} - proved == set()


def test_what_is_proved_elsewhere_is_there() -> None:
    for (token, _), place in ELSEWHERE.items():
        path, _, test = place.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(), (token, place)


@pytest.mark.parametrize(
    ("path", "token", "kind"), CLAIMS, ids=[f"{name(p)}-{t}-{k}" for p, t, k in CLAIMS]
)
def test_a_script_has_what_it_claims(path: Path, token: str, kind: str) -> None:
    assert token in TOKENS, f"{name(path)}: {token} is not offered"
    assert holds(path, token, kind), f"{name(path)} has no command that makes {token} {kind}"


def test_every_line_about_proofs_is_read() -> None:
    for path in SCRIPTS:
        told = re.findall(r"^#.*\bproves\b.*$", path.read_text(), re.MULTILINE)
        read = {token for token, _ in claims(path)}
        assert len(told) == len(read), f"{name(path)}: {told}"


def test_readme_lists_what_is_offered() -> None:
    text = (ROOT / "README.md").read_text()
    begin = text.index("IMAP4rev1")
    listed = re.split(r",\s|\s+", text[begin : text.index(".\n\n", begin)])
    assert {*listed} - {"and", "with"} == {*TOKENS} - {"LOGINDISABLED"}
