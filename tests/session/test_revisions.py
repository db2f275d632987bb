"""Before ENABLE strictly IMAP4rev1, after it strictly IMAP4rev2, whatever others speak.

Read line by line, beside the validator that all clients here have.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.imap_harness import Client, Server
from tests.wire.commands import FETCHES, MAILBOXES, MIXED, ODD, SELECTED, SIMPLE, WILD, append

NAME = "Bücher"
WRITTEN = {False: b"B&APw-cher", True: f'"{NAME}"'.encode()}
"""The name as each revision has it."""

COMMANDS = (
    *WILD,
    *SELECTED,
    *MAILBOXES,
    *(b"FETCH 1:* " + items for items in FETCHES),
    b"SEARCH RETURN (SAVE) ALL",
    b"SEARCH RETURN () UNSEEN",
    b"SEARCH NEW",
    b"IDLE\r\nDONE",
    b'LIST "" *',
    b'LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES))',
    b"RENAME NAME NAME2",
    b"RENAME NAME2 NAME",
    b"CREATE NAME",
    b"SELECT NAME",
    b"STATUS NAME (MESSAGES)",
    b"COPY 1 NAME",
    append(MIXED),
)

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def said(client: Client, command: bytes) -> list[bytes]:
    """The responses, octets of literals left out; the last is the tagged one."""
    client.send(b"t " + command + b"\r\n")
    rest, found = client.take(), b""
    while literal := _LITERAL.search(rest):
        found += rest[: literal.start()] + b"{}"
        rest = rest[literal.end() + int(literal[1]) :]
    return (found + rest).split(b"\r\n")[:-1]


def check(command: bytes, lines: list[bytes], *, rev2: bool) -> None:
    """What the answer to a command has, and what it can't have."""
    verb = command.split()[0 if not command.startswith(b"UID ") else 1]
    ok = lines[-1].startswith(b"t OK")
    selects = ok and verb in (b"SELECT", b"EXAMINE")
    answered = [line.split()[1] for line in lines if line.startswith(b"* ")]
    listed = verb in (b"LIST", b"LSUB") or (rev2 and verb in (b"CREATE", b"RENAME", b"DELETE"))
    assert listed or answered.count(b"LIST") == (rev2 and selects), (command, lines)
    recent = any(re.match(rb"\* \d+ RECENT$", line) for line in lines)
    extended = b"RETURN" in command or (rev2 and verb == b"SEARCH")
    assert (b"ESEARCH" in answered) <= extended, (command, lines)
    if ok and verb == b"SEARCH" and b"SAVE" not in command:
        assert (b"ESEARCH" if extended else b"SEARCH") in answered, (command, lines)
    if not rev2:
        assert all(line.isascii() for line in lines), (command, lines)
        assert not any(b"OLDNAME" in line for line in lines), (command, lines)
        assert recent or not selects, (command, lines)
        return
    assert not recent, (command, lines)
    for line in lines:
        for old in (rb"\\Recent", rb"\* (SEARCH|LSUB)\b", rb"\[UNSEEN ", WRITTEN[False]):
            assert not re.search(old, line), (command, line)
        if verb not in (b"FETCH", b"STORE") and re.match(rb"\* \d+ FETCH", line):
            assert b"UID " in line, (command, line)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_hears_its_own_revision(server: Server, seed: int) -> None:
    chance = Random(seed)
    old, new, turns = clients = [server.client(mailbox=None) for _ in range(3)]
    speaks = {old: False, new: True, turns: False}
    assert said(new, b"ENABLE IMAP4rev2")[0] == b"* ENABLED IMAP4rev2"
    for octets in (SIMPLE, *ODD[:8]):
        said(old, append(octets))
    for client in clients:
        said(client, b"SELECT INBOX")
    for number in range(600):
        if number == 300:
            lines = said(turns, b"ENABLE IMAP4rev2")
            assert not any(line.endswith(b"RECENT") for line in lines)
            speaks[turns] = True
        client = chance.choice(clients)
        command = chance.choice(COMMANDS).replace(b"NAME", WRITTEN[speaks[client]])
        check(command, said(client, command), rev2=speaks[client])
