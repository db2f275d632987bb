"""VANISHED stands wherever EXPUNGE would, and nowhere else (RFC 7162 §3.2.10)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.imap.parser import VERBS
from tests.imap_harness import Client, Server, append

COMMANDS = (
    "CAPABILITY",
    "NOOP",
    "CHECK",
    "ID NIL",
    "ENABLE METADATA",
    "NAMESPACE",
    'LIST "" *',
    'LSUB "" *',
    "STATUS Sent (MESSAGES)",
    "CREATE {name}.new",
    "RENAME {name}.new {name}.newer",
    "SUBSCRIBE {name}.newer",
    "UNSUBSCRIBE {name}.newer",
    "DELETE {name}.newer",
    'SETMETADATA {name} (/private/comment "x")',
    "GETMETADATA {name} /private/comment",
    "ESEARCH IN (selected) ALL",
    "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))",
    'GETQUOTA ""',
    "GETQUOTAROOT {name}",
    'SETQUOTA "" (STORAGE 9)',
    "APPEND Sent {{3+}}\r\nx\r\n",
    "IDLE\r\nDONE",
    "FETCH 1 FLAGS",
    "FETCH 1:3 (BODY[TEXT])",
    "UID FETCH 1 FLAGS",
    "STORE 1 +FLAGS (\\Seen)",
    "UID STORE 1 +FLAGS.SILENT (\\Seen)",
    "SEARCH ALL",
    "UID SEARCH ALL",
    "UID SEARCH 1:3",
    "SORT (DATE) UTF-8 ALL",
    "UID SORT (DATE) UTF-8 ALL",
    "THREAD REFS UTF-8 ALL",
    "UID THREAD REFS UTF-8 ALL",
    "COPY 1 Sent",
    "UID COPY 1 Sent",
    "MOVE 1 Sent",
    "UID MOVE 3 Sent",
    "REPLACE 1 Sent {{3+}}\r\nx\r\n",
    "UID REPLACE 1 Sent {{3+}}\r\nx\r\n",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
)
NONE_TOLD = {"AUTHENTICATE", "LOGIN", "LOGOUT", "STARTTLS", "COMPRESS", "SELECT", "EXAMINE"} | {
    "CLOSE",
    "UNSELECT",
}
"""What leaves the mailbox, comes before it or ends it, or has an answer of one line."""

BY_NUMBER = re.compile(r"(?:FETCH|STORE|SEARCH|SORT|THREAD) |UID SEARCH 1:3")
"""Whose answers have numbers, or that name them: nothing may shift those."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def news(client: Client, other: Client, name: str) -> None:
    """The client opens a new mailbox, of whose three messages another expunges the second."""
    other.do(f"CREATE {name}")
    for _ in range(3):
        append(other, b"Subject: x\r\n\r\nx", name)
    client.do(f"SELECT {name}")
    other.do(f"SELECT {name}")
    other.do("STORE 2 +FLAGS.SILENT (\\Deleted)")
    client.do("NOOP")
    assert b"* 2 EXPUNGE" in other.do("EXPUNGE")


def test_each_command_tells_the_one_where_it_tells_the_other(server: Server) -> None:
    other = server.client(mailbox=None)
    for number, written in enumerate(COMMANDS):
        plain, quick = clients = [server.client(mailbox=None) for _ in range(2)]
        quick.do("ENABLE QRESYNC")
        for kind, client in zip(("plain", "quick"), clients, strict=True):
            name = f"{kind}{number}"
            made = "new" if written.startswith("RENAME") else "newer"
            client.do(f"CREATE {name}.{made}")
            news(client, other, name)
            lines = client.do(written.format(name=name))
            # What is refused is a time to tell as well.
            assert lines[-1].startswith((b"t OK", b"t NO")), (written, lines)
            expunged = any(re.match(rb"\* \d+ EXPUNGE$", line) for line in lines)
            vanished = any(re.match(rb"\* VANISHED [\d:,]+$", line) for line in lines)
            assert not (vanished if client is plain else expunged), (written, lines)
            may = not BY_NUMBER.match(written)
            assert (expunged or vanished) == may, (written, lines)
            client.hang_up()


def test_each_command_was_said() -> None:
    said = {command.removeprefix("UID ").split()[0] for command in COMMANDS}
    assert said | NONE_TOLD == VERBS
