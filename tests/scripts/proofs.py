"""What scripts prove of what is offered: "# proves: ESEARCH valid invalid two-client".

Each capability wants a script that uses it as it is meant, one that uses it wrongly and is
refused, and one in which another client is there. A claim is believed if the script has a command
that fits `USES` (for "invalid" `MISUSES`, if it is there) with an answer of that kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.imap.capability import MECHANISMS, OFFERS
from tests.scripts.runner import steps

KINDS = ("valid", "invalid", "two-client")

TOKENS = (
    *(offer.token for offer in OFFERS),
    "APPENDLIMIT",
    "STARTTLS",
    "LOGINDISABLED",
    *MECHANISMS,
)

_PROGRESS = "tests/session/test_progress.py::test_"
_SCRAM = "tests/session/test_scram.py::test_"

ELSEWHERE = {
    ("INPROGRESS", "valid"): _PROGRESS + "a_search_counts_what_it_has_looked_at",
    ("INPROGRESS", "invalid"): _PROGRESS + "nothing_is_said_within_what_fetch_writes",
    ("INPROGRESS", "two-client"): _PROGRESS + "one_that_is_at_it_and_one_that_is_not",
    ("AUTH=SCRAM-SHA-256", "valid"): _SCRAM + "a_password_of_any_device_opens",
    ("AUTH=SCRAM-SHA-256", "two-client"): _SCRAM + "no_nonce_comes_twice",
}
"""What no script can show: what needs a command of ten seconds, or answers that are worked out."""

_CLAIM = re.compile(r"^# proves: (\S+)((?: (?:valid|invalid|two-client))+)$", re.MULTILINE)
_ANSWER = re.compile(rb"(\S+) (OK\|NO|OK|NO|BAD)\b")

USES = {
    "IMAP4rev1": r" SELECT ",
    "IMAP4rev2": r"ENABLE IMAP4rev2",
    "LITERAL+": r"\{\d+\+\}",
    "SASL-IR": r"AUTHENTICATE \S+ \S",
    "ID": r" ID ",
    "ENABLE": r"ENABLE",
    "CONDSTORE": r"CONDSTORE|MODSEQ|CHANGEDSINCE",
    "QRESYNC": r"QRESYNC|VANISHED",
    "IDLE": r" IDLE",
    "NOTIFY": r"NOTIFY",
    "NAMESPACE": r"NAMESPACE",
    "MULTIAPPEND": r"APPEND.*\{\d+\+?\}.*\{\d+\+?\}",
    "UIDPLUS": r"UID EXPUNGE",
    "UNSELECT": r"UNSELECT",
    "MOVE": r"MOVE",
    "QUOTA": r"QUOTA",
    "QUOTA=RES-STORAGE": r"STORAGE",
    "WITHIN": r"OLDER|YOUNGER",
    "ESEARCH": r"SEARCH RETURN",
    "MULTISEARCH": r"ESEARCH",
    "SEARCHRES": r"SAVE|\$",
    "PARTIAL": r"PARTIAL",
    "SORT": r"SORT \(",
    "SORT=DISPLAY": r"DISPLAY(?:FROM|TO)",
    "ESORT": r"SORT RETURN",
    "THREAD=ORDEREDSUBJECT": r"THREAD ORDEREDSUBJECT",
    "THREAD=REFERENCES": r"THREAD REFERENCES",
    "THREAD=REFS": r"THREAD REFS",
    "I18NLEVEL=1": r"SEARCH.*UTF-8",
    "UTF8=ACCEPT": r"UTF8",
    "CHILDREN": r" LIST ",
    "SPECIAL-USE": r"LIST.*SPECIAL-USE",
    "CREATE-SPECIAL-USE": r"CREATE.*USE \(",
    "OBJECTID": r"EMAILID|THREADID|MAILBOXID",
    "SAVEDATE": r"SAVED",
    "PREVIEW": r"PREVIEW",
    "LIST-EXTENDED": r"LIST \(|LIST.*RETURN",
    "LIST-STATUS": r"LIST.*STATUS \(",
    "STATUS=SIZE": r"STATUS.*\bSIZE",
    "METADATA": r"[GS]ETMETADATA",
    "LIST-METADATA": r"LIST.*METADATA",
    "COMPRESS=DEFLATE": r"COMPRESS",
    "BINARY": r"BINARY",
    "REPLACE": r"REPLACE",
    "UIDONLY": r"ENABLE UIDONLY",
    "APPENDLIMIT": r"APPENDLIMIT",
    "STARTTLS": r"STARTTLS",
    "LOGINDISABLED": r"STARTTLS",
    "AUTH=SCRAM-SHA-256": r"AUTHENTICATE SCRAM-SHA-256",
    "AUTH=PLAIN": r"AUTHENTICATE PLAIN",
}
"""What a command has that uses it."""

MISUSES = {
    "IMAP4rev1": r"SELECT|FETCH",
    "IMAP4rev2": r"CHECK|LSUB|RFC822|CREATE|SELECT",
    "NOTIFY": r"NOTIFY",
    "UIDONLY": r"FETCH|STORE|COPY|SEARCH",
    "I18NLEVEL=1": r"SEARCH CHARSET",
    "APPENDLIMIT": r"APPEND",
    "LOGINDISABLED": r"LOGIN",
    "UTF8=ACCEPT": r"UTF8|CHARSET",
}
"""What one has that uses it wrongly, where that may look otherwise."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its literals, and how it is to be answered."""

    text: str
    answer: str


def claims(path: Path) -> Iterator[tuple[str, str]]:
    """(token, kind) of what the script says that it proves."""
    for token, kinds in _CLAIM.findall(path.read_text()):
        yield from ((token, kind) for kind in kinds.split())


def commands(path: Path) -> list[Command]:
    """The commands of a script that have a tagged answer."""
    said: dict[str, list[bytes]] = {}
    found = []
    for step in steps(path):
        lines = said.setdefault(step.client, [])
        if step.kind in (">", ">>"):
            lines.append(step.text)
        answer = _ANSWER.match(step.text) if step.kind in ("<", "<*", "<<") else None
        if answer is None or answer[1] == b"*":
            continue
        tag = answer[1] + b" "
        begins = [at for at, line in enumerate(lines) if line.startswith(tag)]
        if begins:
            text = b"\n".join(lines[begins[-1] :]).decode("utf-8", "replace")
            found.append(Command(text, answer[2].decode()))
    return found


def clients(path: Path) -> set[str]:
    """Who takes part."""
    return {step.client for step in steps(path)}


def holds(path: Path, token: str, kind: str) -> bool:
    """Whether the script has what it must have to prove that."""
    uses = re.compile(USES[token], re.DOTALL | re.IGNORECASE)
    misuses = re.compile(MISUSES.get(token, USES[token]), re.DOTALL | re.IGNORECASE)
    asked = commands(path)
    if kind == "invalid":
        return any(one.answer in ("NO", "BAD") and misuses.search(one.text) for one in asked)
    well = any("OK" in one.answer and uses.search(one.text) for one in asked)
    return well and (kind == "valid" or len(clients(path)) > 1)
