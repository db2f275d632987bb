"""What is offered works, what isn't is refused cleanly."""

import re
from time import process_time
from typing import Any

import pytest

from tests.imap_harness import Server, append

MESSAGE = b"Subject: 1\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    "parameters",
    [
        "NIL",
        "()",
        '("name" "x" "version" "1")',
        '("name" "x" "version" 1.0)',
        '("name" "x", "version" "1")',
        '("name" "com.microsoft.outlook" "os" NIL)',
    ],
)
@pytest.mark.parametrize("logged_in", [False, True])
def test_r04_id_tells_real_fields(server: Server, parameters: str, logged_in: bool) -> None:
    client = server.client() if logged_in else server.connect()
    told, ended = client.do(f"ID {parameters}")
    for name in (b"name", b"version", b"vendor", b"support-url"):
        assert re.search(rb'"%b" "[^"]+"' % name, told), told
    assert ended == b"t OK Done"


def test_r05_uidonly_is_not_taken_and_numbers_go_on(server: Server) -> None:
    """UIDONLY isn't offered; who enables it all the same isn't told that it is on."""
    client = server.client()
    append(client, MESSAGE)
    assert b"UIDONLY" not in client.do("CAPABILITY")[0]
    assert client.do("ENABLE UIDONLY")[0] == b"* ENABLED"
    assert client.do("FETCH 1 (FLAGS)")[0].startswith(b"* 1 FETCH (FLAGS (")


def test_r06_special_uses_in_every_list(server: Server) -> None:
    client = server.client(mailbox=None)
    told = client.do('LIST "" *')
    for name in (b"Archive", b"Drafts", b"Junk", b"Sent", b"Trash"):
        assert any(rb"\%b)" % name in line and line.endswith(name) for line in told), told
    assert client.do('LIST "" Drafts')[0] == b'* LIST (\\HasNoChildren \\Drafts) "/" Drafts'
    assert len(told) == 7


def test_r11_a_search_without_a_hit_says_so_in_both_forms(server: Server) -> None:
    """A plain SEARCH has its line without numbers; with RETURN what has no answer is left out."""
    client = server.client()
    assert b" ESEARCH " in client.do("CAPABILITY")[0]
    answer = client.do("SEARCH RETURN (MIN MAX ALL COUNT) UNSEEN")
    assert answer == [b'* ESEARCH (TAG "t") COUNT 0', b"t OK Done"]
    assert client.do("SEARCH UNSEEN") == [b"* SEARCH", b"t OK Done"]


@pytest.mark.parametrize("mailbox", ["INBOX", "Trash", "Lists/a"])
def test_r19_uid_expunge_works_everywhere(server: Server, mailbox: str) -> None:
    client = server.client(mailbox=None)
    client.do("CREATE Lists/a")
    assert b" UIDPLUS " in client.do("CAPABILITY")[0]
    client.do(f"SELECT {mailbox}")
    for _ in range(3):
        append(client, MESSAGE, mailbox, "(\\Deleted)")
    assert client.do("UID EXPUNGE 2,77") == [b"* 2 EXPUNGE", b"t OK Done"]
    assert client.do("UID SEARCH DELETED")[0] == b"* SEARCH 1 3"


def test_r40_all_annotations_of_a_thousand_mailboxes_come_at_once(server: Server) -> None:
    """SnappyMail's question, which took Dovecot half a minute; one query here (test_metadata)."""

    def many(tx: Any) -> None:
        account = tx.account("alice").id
        for number in range(1000):
            box = tx.create_mailbox(account, f"m{number:03}")
            tx.annotate(account, box, [("/private/comment", b"x"), ("/shared/a/b", b"y")])

    server.store.write(many)
    client = server.client(mailbox=None)
    began_s = process_time()
    lines = client.do('GETMETADATA (DEPTH infinity) "*" ("/shared" "/private")')
    assert process_time() - began_s < 3
    # The special ones have their uses.
    assert len(lines) == 1000 + 5 + 1
    assert b'* METADATA m007 (/private/comment "x" /shared/a/b "y")' in lines
