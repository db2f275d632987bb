"""Every command has a script: a valid case, one that is refused, one with two clients."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripts.runner import FOLDER, SCRIPTS, name, steps

CLIENTS = (
    "apple-mail",
    "apple-mail-ios",
    "evolution",
    "evolution-notify",
    "evolution-resync",
    "fairemail",
    "geary",
    "gmail-app",
    "k9",
    "outlook-classic",
    "outlook-mobile",
    "roundcube",
    "roundcube-cache",
    "snappymail",
    "thunderbird",
    "thunderbird-utf8",
)

SCRIPT_OF = {
    "CAPABILITY": "capability",
    "NOOP": "noop",
    "LOGOUT": "logout",
    "STARTTLS": "starttls",
    "AUTHENTICATE": "authenticate",
    "LOGIN": "login",
    "SELECT": "select",
    "EXAMINE": "examine",
    "CREATE": "create",
    "DELETE": "delete",
    "RENAME": "rename",
    "SUBSCRIBE": "subscribe",
    "UNSUBSCRIBE": "lsub",
    "LIST": "list",
    "LSUB": "lsub",
    "STATUS": "status",
    "APPEND": "append",
    "CHECK": "check",
    "CLOSE": "close",
    "UNSELECT": "close",
    "EXPUNGE": "expunge",
    "UID EXPUNGE": "uid",
    "SEARCH": "search",
    "UID SEARCH": "uid",
    "SORT": "sort",
    "UID SORT": "sort",
    "THREAD": "thread",
    "UID THREAD": "thread",
    "FETCH": "fetch",
    "UID FETCH": "uid",
    "STORE": "store",
    "UID STORE": "uid",
    "COPY": "copy",
    "UID COPY": "uid",
    "MOVE": "move",
    "UID MOVE": "move",
    "IDLE": "idle",
    "NAMESPACE": "namespace",
    "ID": "id",
    "ENABLE": "enable",
}
"""Each command, and the script that is about it."""

ARGUMENTS = "differs/arguments"
"""What is refused of commands that have no arguments; Dovecot takes it."""

FORMS = {
    "LITERAL+": ("append", r"\{\d+\+\}$"),
    "SASL-IR": ("authenticate", r"AUTHENTICATE PLAIN \S+$"),
    "SPECIAL-USE": ("list", r"\* LIST \(.*\\Drafts\)"),
    "CHILDREN": ("list", r"\* LIST \(\\HasChildren\)"),
    "UIDPLUS": ("append", r"OK \[APPENDUID "),
    "APPENDLIMIT": ("differs/append-limit", r"NO \[TOOBIG\]"),
    "MULTIAPPEND": ("append", r"OK \[APPENDUID \.\.\. \d+:\d+\]"),
    "ESEARCH": ("esearch", r"\* ESEARCH \(TAG .*\) UID"),
    "SEARCHRES": ("searchres", r"RETURN \(SAVE"),
    "IMAP4rev2": ("imap4rev2-select", r"\* LIST .* \(\"OLDNAME\" "),
    "UTF8=ACCEPT": ("utf8-accept", r"UTF8 \(~"),
    "PARTIAL": ("differs/partial", r"RETURN \(PARTIAL "),
    "ESORT": ("esearch", r"SORT RETURN"),
    "WITHIN": ("search", r"SEARCH OLDER \d+"),
    "CONDSTORE": ("condstore", r"UNCHANGEDSINCE"),
    "QUOTA": ("quota", r"GETQUOTAROOT"),
}
"""Extensions that change other commands, and a line that shows them."""


@dataclass(frozen=True, slots=True)
class Case:
    """A command of a script and its tagged answer; `others`: clients that were there before."""

    verb: str
    answer: str
    others: int


def cases(path: Path) -> Iterator[Case]:
    open_: dict[tuple[str, str], str] = {}
    others: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for step in steps(path):
        text = step.text.decode("utf-8", "replace")
        command = re.match(r"(\S+) (UID \w+|\w+)", text, re.IGNORECASE)
        if step.kind in (">", ">>") and command is not None:
            key = (step.client, command[1])
            open_.setdefault(key, command[2].upper())
            others.setdefault(key, len(seen - {step.client}))
        seen.add(step.client)
        ended = re.match(r"(\S+) ([A-Z|]+)", text)
        if step.kind in ("<", "<*") and ended is not None:
            verb = open_.pop((step.client, ended[1]), None)
            count = others.pop((step.client, ended[1]), 0)
            if verb is not None:
                yield Case(verb, ended[2], count)


def of(command: str) -> list[Case]:
    both = (script(SCRIPT_OF[command]), script(ARGUMENTS))
    return [case for path in both for case in cases(path) if case.verb == command]


def script(stem: str) -> Path:
    return FOLDER / f"{stem}.imap"


@pytest.mark.parametrize("command", SCRIPT_OF)
def test_a_valid_case(command: str) -> None:
    assert any(case.answer == "OK" for case in of(command))


@pytest.mark.parametrize("command", SCRIPT_OF)
def test_a_case_that_is_refused(command: str) -> None:
    assert any(case.answer in ("BAD", "NO", "NO|BAD") for case in of(command))


@pytest.mark.parametrize("command", SCRIPT_OF)
def test_a_case_with_two_clients(command: str) -> None:
    assert any(case.others for case in of(command))


@pytest.mark.parametrize("form", FORMS)
def test_a_script_that_shows_an_extension(form: str) -> None:
    stem, line = FORMS[form]
    assert re.search(line, script(stem).read_text(), re.MULTILINE)


def test_every_client_has_a_script() -> None:
    assert {f"clients/{client}" for client in CLIENTS} == {
        name(path) for path in SCRIPTS if path.parent.name == "clients"
    }
