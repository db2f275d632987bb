"""Capabilities that an account is not offered: not listed, and what they brought is BAD."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.imap.capability import with_dependents
from bridge.imap.withheld import WITHHOLDABLE
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def withhold(server: Server, *names: str) -> None:
    def work(tx: Any) -> None:
        tx.update_account(
            replace(tx.account("alice"), withheld=frozenset(names), quota_octets=9**9)
        )

    server.store.write(work)


def client_without(server: Server, *names: str) -> Client:
    withhold(server, *names)
    return server.client()


TAKEN_IN = (
    "BINARY",
    "ENABLE",
    "ESEARCH",
    "IDLE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "NAMESPACE",
    "SEARCHRES",
    "SPECIAL-USE",
    "STATUS",
    "UIDPLUS",
    "UNSELECT",
)
"""What IMAP4rev2 has in itself (RFC 9051 Appendix E), of that which an account may lack."""

COMMANDS = {
    "ID": ["ID NIL"],
    "ENABLE": ["ENABLE CONDSTORE"],
    "CONDSTORE": [
        "SELECT INBOX (CONDSTORE)",
        "FETCH 1 (MODSEQ)",
        "UID FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "STORE 1 (UNCHANGEDSINCE 9) +FLAGS (a)",
        "SEARCH NOT (OR MODSEQ 1 SEEN)",
        "STATUS Trash (MESSAGES HIGHESTMODSEQ)",
    ],
    "IDLE": ["IDLE"],
    "NOTIFY": ["NOTIFY NONE", "NOTIFY SET (PERSONAL (MailboxName))"],
    "NAMESPACE": ["NAMESPACE"],
    "MULTIAPPEND": ["APPEND INBOX {1+}\r\nx {1+}\r\ny"],
    "UIDPLUS": ["UID EXPUNGE 1"],
    "UNSELECT": ["UNSELECT"],
    "MOVE": ["MOVE 1 Trash", "UID MOVE 1 Trash"],
    "QUOTA": [
        'GETQUOTA ""',
        "GETQUOTAROOT INBOX",
        'SETQUOTA "" (STORAGE 1)',
        "STATUS Trash (DELETED-STORAGE)",
    ],
    "ESEARCH": ["SEARCH RETURN () ALL", "UID SEARCH RETURN (MIN) SEEN"],
    "MULTISEARCH": ["ESEARCH ALL", "ESEARCH IN (PERSONAL) RETURN (COUNT) SEEN"],
    "SEARCHRES": [
        "SEARCH RETURN (SAVE) ALL",
        "SORT RETURN (MIN SAVE) (DATE) UTF-8 ALL",
        "SEARCH NOT $",
        "THREAD REFS UTF-8 UID $",
        "FETCH $ UID",
        "UID STORE $ FLAGS ()",
        "COPY $ Archive",
        "UID MOVE $ Archive",
        "UID EXPUNGE $",
    ],
    "PARTIAL": ["SEARCH RETURN (PARTIAL 1:2) ALL", "UID FETCH 1 FLAGS (PARTIAL 1:2)"],
    "COMPRESS": ["COMPRESS DEFLATE"],
    "REPLACE": ["REPLACE 1 INBOX {1+}\r\nx", "UID REPLACE 1 INBOX {1+}\r\nx"],
    "BINARY": ["FETCH 1 BINARY[1]", "UID FETCH 1 (BINARY.SIZE[])"],
    "SORT": ["SORT (DATE) UTF-8 ALL", "UID SORT (REVERSE DISPLAYTO) UTF-8 ALL"],
    "ESORT": ["SORT RETURN () (DATE) UTF-8 ALL"],
    "THREAD": ["THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 ALL"],
    # It says how they compare.
    "I18NLEVEL": [],
    # It says how far a command is.
    "INPROGRESS": [],
    "WITHIN": ["SEARCH OLDER 1", "SEARCH (SEEN (OR ALL YOUNGER 1))"],
    "APPENDLIMIT": ["STATUS Trash (APPENDLIMIT)"],
    "PREVIEW": ["FETCH 1 PREVIEW", "UID FETCH 1 (PREVIEW (LAZY))"],
    "SAVEDATE": [
        "FETCH 1 SAVEDATE",
        "SEARCH NOT SAVEDON 1-Jan-2026",
        "SEARCH OR SEEN SAVEDATESUPPORTED",
    ],
    "OBJECTID": [
        "SEARCH EMAILID M1",
        "UID SEARCH (THREADID T1)",
        "FETCH 1 EMAILID",
        "UID FETCH 1 (THREADID)",
        "STATUS Trash (MAILBOXID)",
    ],
    "METADATA": [
        'GETMETADATA "" /shared/comment',
        "SETMETADATA Trash (/private/comment NIL)",
    ],
    "LIST-METADATA": ['LIST "" * RETURN (METADATA (/private/comment))'],
    "CREATE-SPECIAL-USE": ["CREATE x (USE ())"],
    "LIST-EXTENDED": ['LIST () "" *', 'LIST "" (*)', 'LIST "" * RETURN ()'],
    "LIST-STATUS": ['LIST "" * RETURN (STATUS (MESSAGES))'],
    "STATUS": ["STATUS Trash (SIZE)", 'LIST "" * RETURN (STATUS (MESSAGES SIZE))'],
    "SPECIAL-USE": ['LIST (SPECIAL-USE) "" *', 'LIST "" * RETURN (SPECIAL-USE)'],
    # What they bring, clients have to enable: tested below.
    "QRESYNC": [],
    # ENABLE turns them on; see below.
    "IMAP4rev2": [],
    "UTF8": [],
    # They bring no command; what they bring to answers is tested below.
    "CHILDREN": [],
    "LITERAL+": [],
    "SASL-IR": [],
}


def test_every_capability_is_thought_of() -> None:
    assert set(COMMANDS) == set(WITHHOLDABLE)


@pytest.mark.parametrize(
    ("name", "command"), [(name, command) for name, all_ in COMMANDS.items() for command in all_]
)
def test_what_it_brought_is_bad(server: Server, name: str, command: str) -> None:
    offered = server.client()
    assert append(offered, b"x")[-1].startswith(b"t OK")
    if name != "IDLE":
        assert not offered.do(command)[-1].startswith(b"t BAD")
    withhold(server, name)
    # A session that runs goes on as it began.
    if name not in ("IDLE", "MOVE", "UNSELECT"):
        assert not offered.do(command)[-1].startswith(b"t BAD")
    withheld = server.client()
    assert withheld.do(command)[-1] == f"t BAD {name} is not offered to this account".encode()


@pytest.mark.parametrize("name", WITHHOLDABLE)
def test_it_is_not_listed(server: Server, name: str) -> None:
    (line, _) = server.client("bob").do("CAPABILITY")
    listed = line.split()[2:]
    gone = with_dependents(frozenset({name}))
    without = [token for token in listed if token.split(b"=")[0].decode() not in gone]
    assert without != listed
    withhold(server, name)
    client = server.connect()
    answer = client.do("LOGIN alice secret")[-1]
    assert answer == b"t OK [CAPABILITY " + b" ".join(without) + b"] Logged in"
    assert client.do("CAPABILITY")[0].split()[2:] == without


def test_what_it_brought_to_answers_is_left_out(server: Server) -> None:
    client = client_without(server, "UIDPLUS", "CONDSTORE", "CHILDREN", "SPECIAL-USE")
    assert append(client, b"x")[-1] == b"t OK Added"
    assert client.do("COPY 1 Trash") == [b"t OK Copied"]
    assert client.do("MOVE 1 Trash")[-1] == b"t OK Moved"
    assert not any(b"COPYUID" in line for line in client.do("NOOP"))
    assert not any(b"HIGHESTMODSEQ" in line for line in client.do("SELECT Trash"))
    assert client.do('LIST "" Trash') == [b'* LIST () "/" Trash', b"t OK Done"]
    assert client.do("ENABLE CONDSTORE") == [b"* ENABLED", b"t OK Done"]


@pytest.mark.parametrize("name", ["QRESYNC", "CONDSTORE"])
def test_what_is_withheld_cannot_be_enabled(server: Server, name: str) -> None:
    client = client_without(server, name)
    assert client.do("ENABLE QRESYNC") == [b"* ENABLED", b"t OK Done"]
    for command in ("SELECT INBOX (QRESYNC (1 1))", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"):
        assert client.do(command)[-1].endswith(b"is not offered to this account")


@pytest.mark.parametrize("name", ["IMAP4rev2", "UTF8", "ENABLE"])
def test_no_other_grammar_without_it(server: Server, name: str) -> None:
    client = client_without(server, name)
    token = "IMAP4rev2" if name == "IMAP4rev2" else "UTF8=ACCEPT"
    answer = client.do(f"ENABLE {token}")
    assert answer[0] == b"* ENABLED" or answer == [b"t BAD ENABLE is not offered to this account"]
    assert client.do("CREATE B&APw-")[-1].startswith(b"t OK")
    assert client.do('LIST "" B*')[0] == b'* LIST (\\HasNoChildren) "/" B&APw-'


@pytest.mark.parametrize(
    ("name", "needing"),
    [
        *((name, "IMAP4rev2") for name in TAKEN_IN),
        ("ESEARCH", "SEARCHRES"),
        ("SORT", "ESORT"),
        ("LIST-EXTENDED", "LIST-STATUS"),
        ("LIST-EXTENDED", "LIST-METADATA"),
        ("METADATA", "LIST-METADATA"),
    ],
)
def test_what_needs_it_is_not_offered_either(server: Server, name: str, needing: str) -> None:
    client = client_without(server, name)
    assert needing.encode() not in client.do("CAPABILITY")[0].split()
    assert client.do("ENABLE " + needing)[0] != f"* ENABLED {needing}".encode()


def test_a_second_message_is_refused_before_it_is_sent(server: Server) -> None:
    client = client_without(server, "MULTIAPPEND")
    client.send(b"a APPEND INBOX {1+}\r\nx {100}\r\n")
    assert client.take() == b"a BAD MULTIAPPEND is not offered to this account\r\n"
    assert b"(MESSAGES 0)" in client.do("STATUS INBOX (MESSAGES)")[0]
