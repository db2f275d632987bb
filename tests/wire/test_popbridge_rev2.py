"""All that popbridge says to a client of IMAP4rev2, and to one of UTF8=ACCEPT, checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Client, Server
from tests.wire.commands import FETCHES, MAILBOXES, MIXED, ODD, SELECTED, SIMPLE, append, wild
from tests.wire.test_popbridge import say

MODES = (b"IMAP4rev2", b"UTF8=ACCEPT", b"IMAP4rev2 UTF8=ACCEPT QRESYNC METADATA")
NAMES = (
    'CREATE "Bücher"',
    'CREATE "Büchers"',
    'CREATE "a&b"',
    'CREATE "\u65e5\u672c \\" \\\\ \U0001f600"',
    'LIST "" *',
    'LIST (SUBSCRIBED) "" * RETURN (CHILDREN STATUS (MESSAGES SIZE DELETED))',
    'STATUS "Bücher" (MESSAGES UIDNEXT MAILBOXID)',
    'SETMETADATA "Bücher" (/private/comment "für")',
    'GETMETADATA (DEPTH infinity) "*" (/private /shared)',
    'SUBSCRIBE "Bu\u0308cher"',
    'RENAME "Bu\u0308cher" "cafe\u0301/x"',
    'SELECT "café/x"',
    'SELECT "cafe\u0301/x"',
    'DELETE "cafe\u0301/x"',
    "SELECT INBOX",
    'GETQUOTAROOT "Büchers"',
    'SEARCH SUBJECT "é" OR TO "日本" NOT HEADER "X-é" "\\"é\\""',
    "SEARCH RETURN (SAVE MIN) ALL",
    "UID STORE $ +FLAGS (\\Seen)",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def enabled(server: Server, mode: bytes) -> Client:
    client = server.client(mailbox=None)
    assert client.do(b"ENABLE " + mode)[0].split() == [b"*", b"ENABLED", *mode.split()]
    return client


@pytest.mark.parametrize("message", [SIMPLE, MIXED, *ODD], ids=lambda octets: repr(octets[:40]))
@pytest.mark.parametrize("mode", MODES[:1])
def test_what_is_said_of_a_message(server: Server, mode: bytes, message: bytes) -> None:
    client = enabled(server, mode)
    fetches = (b"FETCH 1 " + items for items in FETCHES)
    say(client, append(message), b"SELECT INBOX", *fetches, *(b"UID FETCH 1 " + f for f in FETCHES))


@pytest.mark.parametrize("mode", MODES)
def test_what_is_said_of_mailboxes(server: Server, mode: bytes) -> None:
    client = enabled(server, mode)
    say(client, *MAILBOXES)
    client.do("NOOP")


@pytest.mark.parametrize("mode", MODES)
def test_what_is_said_in_a_mailbox(server: Server, mode: bytes) -> None:
    client = enabled(server, mode)
    say(client, *(append(SIMPLE) for _ in range(5)), append(MIXED), *SELECTED)


@pytest.mark.parametrize("mode", MODES)
def test_names_that_are_not_ascii(server: Server, mode: bytes) -> None:
    client, other = enabled(server, mode), server.client(mailbox=None)
    say(client, append(MIXED), *(name.encode() for name in NAMES))
    say(other, b'LIST "" *', b"SELECT INBOX")


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_utf8_is_bad(server: Server, mode: bytes) -> None:
    client = enabled(server, mode)
    for command in (
        b'SELECT "\xff"',
        b'CREATE "\xc0\xaf"',
        b'CREATE "\xed\xa0\x80"',
        b'LIST "" "\xe9*"',
        b'SETMETADATA INBOX (/private/comment "\xe9")',
    ):
        assert client.do(command)[-1].startswith(b"t BAD "), command
    for command in (b"SELECT {1+}\r\n\xff", b'CREATE "a\xe2\x80\xa8b"', b'CREATE "a\xc2\x85b"'):
        assert client.do(command)[-1].startswith(b"t NO ["), command


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.slow) for s in (2, 3))])
def test_clients_of_both_revisions(server: Server, mode: bytes, seed: int) -> None:
    clients = [enabled(server, mode), server.client(mailbox=None), enabled(server, MODES[0])]
    say(clients[0], b"CREATE Other", *(append(SIMPLE) for _ in range(6)))
    for client in clients:
        say(client, b"SELECT INBOX")
    for who, command in wild(seed, 200):
        say(clients[who], command)
    for client in clients:
        say(client, b"NOOP", b"FETCH 1:* (UID FLAGS)")
