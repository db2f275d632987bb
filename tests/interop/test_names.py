"""Names of mailboxes."""

import pytest

from tests.imap_harness import Server, append


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b'"a b"', b'"a b"'),
        (b'" trailing "', b'" trailing "'),
        (b'"R&-D"', b"R&-D"),
        (b'"q\\"\\\\"', b'"q\\"\\\\"'),
        (b"{3+}\r\na b", b'"a b"'),
        (b'"&2D3eAA-"', b"&2D3eAA-"),
        (b"Entw&APw-rfe", b"Entw&APw-rfe"),
        (b'"x]y"', b"x]y"),
    ],
)
def test_r33_names_of_all_kinds(server: Server, name: bytes, shown: bytes) -> None:
    """With children, under a delimiter that isn't NIL; what LIST shows can be opened."""
    client = server.client(mailbox=None)
    assert client.do(b"CREATE " + name)[-1].startswith(b"t OK")
    told = client.do('LIST "" *')
    line = next(line for line in told if line.split(b'"/" ')[-1] in (shown, b'"%b"' % shown))
    assert line.startswith(b'* LIST (\\HasNoChildren) "/" ')
    listed = line.split(b'"/" ')[1]
    assert client.do(b"SELECT " + listed)[-1].startswith(b"t OK")
    child = listed.strip(b'"')
    assert client.do(b'CREATE "%b/Sub"' % child)[-1].startswith(b"t OK")
    assert any(b"(\\HasChildren)" in line for line in client.do('LIST "" %'))
    assert not any(b"Inferiors" in line for line in client.do('LIST "" *'))
    assert client.do(b"DELETE " + b'"%b/Sub"' % child)[-1].startswith(b"t OK")
    assert client.do(b"DELETE " + listed)[-1].startswith(b"t OK")


@pytest.mark.parametrize("name", [b'"a%b"', b"a*b", b"%", b"*"])
def test_r33_wildcards_in_names_are_refused_cleanly(server: Server, name: bytes) -> None:
    client = server.client(mailbox=None)
    assert client.do(b"CREATE " + name)[-1].startswith((b"t NO [CANNOT]", b"t BAD"))
    assert client.do("NOOP") == [b"t OK Done"]


@pytest.mark.parametrize("name", ["INBOX", "Inbox", "inbox", "iNBoX"])
def test_r34_inbox_in_any_case_is_one(server: Server, name: str) -> None:
    client = server.client(mailbox=None)
    append(client, b"Subject: 1\r\n\r\nx\r\n", name)
    assert b"* 1 EXISTS" in client.do(f"SELECT {name}")
    assert client.do(f"STATUS {name} (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 1)"
    assert client.do(f'LIST "" {name}')[0].endswith(b'"/" INBOX')
    assert client.do(f"CREATE {name}/Sub")[-1].startswith(b"t OK")
    assert client.do(f'LIST "" {name}/%')[0].endswith(b'"/" INBOX/Sub')
    assert client.do(f"SELECT {name.swapcase()}/Sub")[-1].startswith(b"t OK")
