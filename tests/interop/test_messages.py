"""What is said of messages, however odd."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.model.mailbox import INBOX
from bridge.store.tx import ReadTx
from tests.imap_harness import Client, Server, append
from tests.sync.fakes import World

MIXED = (
    b"From: a@example.org\r\nSubject: =?utf-8?Q?M=C3=BCsli?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: image/png; name=x.png\r\nContent-ID: <i@x>\r\n"
    b'Content-Disposition: attachment; filename="x.png"\r\nContent-Transfer-Encoding: base64\r\n'
    b"\r\nAAAA\r\n--b--\r\n"
)


def fetch(client: Client, items: str) -> bytes:
    client.send(f"f FETCH 1 {items}\r\n".encode())
    answer = client.take()
    assert answer.endswith(b"f OK Done\r\n")
    return answer


def test_r07_bodystructure_has_all_that_attachments_need(server: Server) -> None:
    client = server.client()
    append(client, MIXED)
    assert fetch(client, "BODYSTRUCTURE").startswith(
        b'* 1 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 0 NIL NIL'
        b' NIL NIL)("image" "png" ("name" "x.png") "<i@x>" NIL "base64" 4 NIL ("attachment"'
        b' ("filename" "x.png")) NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL))'
    )
    plain = server.client(mailbox="Sent")
    append(plain, b"Subject: 1\r\n\r\nx", "Sent")
    assert re.search(rb'"text" "plain" .* 1 0 NIL NIL NIL NIL\)\)', fetch(plain, "BODYSTRUCTURE"))


def test_r08_encoded_words_stay_and_eight_bits_come_as_literals(server: Server) -> None:
    client = server.client()
    append(client, MIXED)
    assert b'"=?utf-8?Q?M=C3=BCsli?="' in fetch(client, "ENVELOPE")
    other = server.client(mailbox="Sent")
    append(
        other,
        b"Subject: M\xc3\xbcsli\r\nFrom: M\xfc <a@example.org>\r\n"
        b'Content-Type: text/plain; name="\xc3\xbc"\r\n\r\nx\r\n',
        "Sent",
    )
    told = fetch(other, "(ENVELOPE BODYSTRUCTURE)")
    bare = re.sub(rb"\{(\d+)\}\r\n([^\r]*?)(?=[ )])", b"", told)
    assert re.search(rb"\{6\}\r\nM\xc3\xbcsli", told)
    assert re.search(rb'"[^"\r]*[\x80-\xff]', bare) is None, told


@pytest.mark.parametrize(
    "octets",
    [
        b"x",
        b"\r\n",
        b"no header at all",
        b"Subject: a draft\r\n\r\n",
        b"From:\r\nTo: ,,;:<>\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b'Content-Type: multipart/mixed; boundary="\r\n\r\n--',
        b"Content-Type: \xff/\xfe; =\r\n\r\n",
        b"Content-Transfer-Encoding: nonsense\r\n\r\n\xff\xfe",
        b"Date: never\r\nMessage-ID: <<\r\n\r\n\n\r\n",
    ],
)
def test_r29_any_octets_are_stored(server: Server, octets: bytes) -> None:
    client = server.client()
    assert append(client, octets)[-1].startswith(b"t OK [APPENDUID")
    told = fetch(client, "(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
    assert b"RFC822.SIZE %d " % len(octets) in told
    assert b"BODY[] {%d}\r\n%b)" % (len(octets), octets) in told


def test_r31_macros_and_old_items_under_the_names_that_were_asked(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: 1\r\n\r\nx\r\n")
    for asked, names in (
        ("RFC822", [b"RFC822"]),
        ("RFC822.TEXT", [b"RFC822.TEXT"]),
        ("RFC822.HEADER", [b"RFC822.HEADER"]),
        ("BODY.PEEK[HEADER.FIELDS (SUBJECT)]", [b"BODY[HEADER.FIELDS (SUBJECT)]"]),
        ("BODY", [b"BODY"]),
        ("FAST", [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"]),
        ("ALL", [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"]),
        ("FULL", [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"]),
    ):
        told = fetch(client, asked)
        assert told.startswith(b"* 1 FETCH (" + names[0] + b" ")
        for name in names:
            assert b" %b " % name in told.replace(b"(", b" (").replace(b"( ", b"(") or (
                b"(%b " % name in told
            ), (name, told)
        assert b"PEEK" not in told


def test_r32_one_bad_message_hurts_no_other(server: Server) -> None:
    client = server.client()
    good = b"Subject: good\r\n\r\nx\r\n"
    bad = (
        b'Subject: a "quoted \\ one\r\nFrom: "a\\" <"b"c@\r\n'
        b'Content-Type: multipart/mixed; boundary="a"b"\r\n\r\n--a\r\n--a"b\r\n'
        b"Content-Type: message/rfc822\r\n\r\n\0\xff"
    )
    for octets in (good, bad, good):
        append(client, octets)
    client.send(b"f FETCH 1:* (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER])\r\n")
    answer = client.take()
    assert re.findall(rb"^\* (\d) FETCH \(UID (\d) ", answer, re.MULTILINE) == [
        (b"1", b"1"),
        (b"2", b"2"),
        (b"3", b"3"),
    ]
    assert answer.endswith(b"f OK Done\r\n") and not client.closed


@pytest.mark.parametrize(
    ("appended", "shown"),
    [
        (b'"12-Aug-1982 23:59:59 +0000"', b"13-Aug-1982 00:00:00 +0000"),
        (b'" 1-Jan-1970 00:00:00 +0000"', b"13-Aug-1982 00:00:00 +0000"),
        (b'" 1-Jan-0001 00:00:00 +1200"', b"13-Aug-1982 00:00:00 +0000"),
        (b'"13-Aug-1982 09:00:00 +0900"', b"13-Aug-1982 09:00:00 +0900"),
        (b'"31-Dec-9999 23:59:59 -1200"', b"31-Dec-9999 23:59:59 -1200"),
    ],
)
def test_r39_no_internal_date_before_rfc_822(server: Server, appended: bytes, shown: bytes) -> None:
    client = server.client()
    date = b"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    octets = date + b"\r\nx\r\n"
    client.do(b"APPEND INBOX %b {%d+}\r\n%b" % (appended, len(octets), octets))
    assert b'INTERNALDATE "%b"' % shown in fetch(client, "INTERNALDATE")
    assert date in fetch(client, "BODY.PEEK[HEADER]")
    assert client.do("SEARCH BEFORE 13-Aug-1982")[0] == b"* SEARCH"
    assert client.do("SEARCH SENTON 1-Jan-1970")[0] == b"* SEARCH 1"


def test_r39_a_fetched_message_with_an_old_date(tmp_path: Path) -> None:
    world = World(tmp_path / "popbridge.db")
    world.provider.add(b"u", b"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nFrom: a@b\r\n\r\nx\r\n")
    world.sync()

    def date(tx: ReadTx) -> datetime:
        box = tx.mailbox(world.account.id, INBOX)
        assert box is not None
        return tx.rows(box.id, [1])[0].internal_date

    assert world.store.read(date) == datetime(1982, 8, 13, tzinfo=UTC)
    world.close()


def test_r8_8bit_headers_go_in_literals_whoever_asks(server: Server) -> None:
    """Encoded words stay as they are; in quotes UTF-8 comes to those only who enabled it."""
    subject = "=?utf-8?q?=C3=A9?="
    octets = f"From: Zoë <zoë@example.org>\r\nSubject: {subject}\r\n\r\nx".encode()
    client = server.client(mailbox=None)
    append(client, octets)
    for mode in (None, "UTF8=ACCEPT", "IMAP4rev2"):
        if mode is not None:
            client.do(f"ENABLE {mode}")
        client.do("SELECT INBOX")
        answer = b"\r\n".join(client.do("FETCH 1 (ENVELOPE BODY.PEEK[])"))
        assert b'(({4}\r\nZo\xc3\xab NIL {4}\r\nzo\xc3\xab "example.org"))' in answer
        assert f'ENVELOPE (NIL "{subject}" '.encode() in answer
        assert octets in answer
