"""How octets come in and go out: segments, continuations, literals, order."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Client, Server, append
from tests.net.test_imap import Listening

MESSAGE = b"Subject: 1\r\n\r\nx\r\n"
SEGMENT = b"i IDLE\r\nDONE\r\na NOOP\r\nb STATUS INBOX (MESSAGES)\r\nc UID FETCH 1:* (FLAGS)\r\n"
ANSWERED = [b"+", b"i", b"a", b"*", b"b", b"*", b"c"]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path)
    yield made
    made.close()


def begun(lines: list[bytes]) -> list[bytes]:
    return [line.split(b" ")[0] for line in lines]


def lines(client: Client) -> list[bytes]:
    return client.take().split(b"\r\n")[:-1]


def test_r01_done_and_commands_in_one_segment(listening: Listening) -> None:
    listening.append(MESSAGE)
    client = listening.log_in()
    client.send(SEGMENT)
    assert begun(client.until(b"c ")) == ANSWERED


def test_r01_done_and_commands_octet_by_octet(server: Server) -> None:
    client = server.client()
    append(client, MESSAGE)
    for octet in SEGMENT:
        client.send(bytes((octet,)))
    assert begun(lines(client)) == ANSWERED


def test_r02_a_partial_is_cut_and_named_by_its_origin(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: 1\r\n\r\n" + b"x" * 1010)
    client.send(b"f FETCH 1 BODY.PEEK[]<0.393216>\r\n")
    assert client.take().startswith(b"* 1 FETCH (BODY[]<0> {1024}\r\n")
    client.send(b"g FETCH 1 BODY.PEEK[]<1024.393216>\r\n")
    assert re.match(rb'\* 1 FETCH \(BODY\[\]<1024> (?:""|\{0\}\r\n)\)\r\n', client.take())


def test_r03_every_continuation_has_a_space_behind_the_plus(server: Server) -> None:
    client = server.connect()
    for command, then in (
        (b"a LOGIN {5}", b"alice {6}"),
        (b"", b"secret"),
        (b"b APPEND INBOX {1}", b"x"),
        (b"c IDLE", b"DONE"),
    ):
        if command:
            client.take()
            client.send(command + b"\r\n")
        assert client.take().startswith(b"+ ")
        client.send(then + b"\r\n")
    other = server.connect()
    for command in (b"a AUTHENTICATE PLAIN", b"b AUTHENTICATE SCRAM-SHA-256"):
        other.send(command + b"\r\n")
        assert other.take() == b"+ \r\n"
        other.send(b"*\r\n")
        other.take()


def test_r09_single_spaces_and_none_at_the_end(server: Server) -> None:
    """The validator refuses them in every test; here is one answer of each kind."""
    client = server.client()
    append(client, MESSAGE)
    for command in (
        "CAPABILITY",
        "NAMESPACE",
        'LIST "" *',
        'LSUB "" *',
        "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
        "SEARCH ALL",
        "SEARCH UNKEYWORD x DELETED",
        "FETCH 1 (FLAGS UID BODYSTRUCTURE ENVELOPE INTERNALDATE)",
        "STORE 1 FLAGS ()",
    ):
        for line in client.do(command):
            assert b"  " not in line and not line.endswith(b" "), line


def test_r10_nothing_comes_between_the_rows_of_an_answer(server: Server) -> None:
    """Not even while others change the mailbox and the answer is long."""
    client, other = server.client(), server.client()
    for _ in range(300):
        append(client, MESSAGE)
    other.do("NOOP")
    client.send(b"f FETCH 1:* (UID BODY.PEEK[])\r\n")
    other.do("STORE 1:* +FLAGS.SILENT (\\Seen)")
    append(other, MESSAGE)
    answer = client.take()
    rows = b"".join(
        b"* %d FETCH (UID %d BODY[] {17}\r\n%b)\r\n" % (n, n, MESSAGE) for n in range(1, 301)
    )
    assert answer == rows + b"f OK Done\r\n"


def test_r25_attacks_meet_limits(server: Server) -> None:
    client = server.client()
    nested = client.do("SEARCH " + "(" * 5000 + "ALL" + ")" * 5000)
    assert nested[-1].startswith(b"t BAD")
    client = server.client()
    many = client.do("FETCH 1 BODY[HEADER.FIELDS (" + "a " * 30_000 + "a)]")
    assert many[-1].startswith(b"t BAD")
    client = server.client()
    client.send(b"l SEARCH " + b"SUBJECT {100000+}\r\n%b " % (b"x" * 100_000) * 20 + b"ALL\r\n")
    assert re.match(rb"l (BAD|NO)|\* BYE", client.take())
    octets = b""
    for depth in range(500):
        octets += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    client = server.client()
    assert append(client, octets)[-1].startswith(b"t OK")
    assert client.do("FETCH 1 (BODY BODYSTRUCTURE)")[-1] == b"t OK Done"


@pytest.mark.parametrize("octets", [1 << 20, 70 << 20])
def test_r26_what_is_refused_and_does_not_wait_is_passed_over(server: Server, octets: int) -> None:
    """Octet for octet, or the connection ends: never is mail taken for commands."""
    client = server.client()
    size = octets if octets > 64 << 20 else 64
    mailbox = "INBOX" if octets > 64 << 20 else '"no such"'
    client.send(f"a APPEND {mailbox} {{{size}+}}\r\n".encode())
    chunk = (b"x DELETE Sent\r\n" * 70_000)[: 1 << 20]
    left = size
    while left > 0 and not client.closed:
        client.send(chunk[:left])
        left -= len(chunk[:left])
    if not client.closed:
        client.send(b"\r\nb NOOP\r\n")
    answer = client.take()
    assert re.fullmatch(rb"a NO \[[A-Z]+\] [^\r]+\r\nb OK [^\r]+\r\n|\* BYE [^\r]+\r\n", answer)
    assert server.client(mailbox=None).do("STATUS Sent (MESSAGES)")[-1].startswith(b"t OK")


def test_r27_compression_begins_behind_the_answer_and_once(server: Server) -> None:
    """`tests.net.test_compress` has its octets: flushed answers, any segmentation, no bombs."""
    client = server.client()
    assert b"COMPRESS=DEFLATE" in client.do("CAPABILITY")[0]
    assert client.do("COMPRESS DEFLATE")[-1].startswith(b"t OK")
    assert client.compressed
    assert client.do("COMPRESS DEFLATE")[-1].startswith(b"t NO [COMPRESSIONACTIVE]")
    assert client.do("NOOP") == [b"t OK Done"]


def test_r28_literal8_is_taken_and_so_is_utf8_once_it_is_enabled(server: Server) -> None:
    """Before that UTF8 (...) is BAD, and its octets are passed over without losing step."""
    client = server.client()
    assert b" UTF8=ACCEPT " in client.do("CAPABILITY")[0]
    assert client.do(b"APPEND INBOX (\\Draft) ~{4+}\r\n\0\xc3\xa9x")[-1].startswith(b"t OK")
    draft = b"u APPEND INBOX (\\Draft) UTF8 (~{17+}\r\nx DELETE Sent\r\n..)\r\n"
    client.send(draft)
    assert client.take().startswith(b"u BAD")
    assert client.do("STATUS Sent (MESSAGES)")[-1].startswith(b"t OK")
    assert client.do("STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 1)"
    assert client.do("ENABLE UTF8=ACCEPT")[0] == b"* ENABLED UTF8=ACCEPT"
    client.send(draft)
    assert b"u OK [APPENDUID " in client.take()
    # Plain literals of both kinds are taken as before, and so is a literal that waits.
    assert client.do(b"APPEND INBOX ~{3+}\r\n\xc3\xa9x")[-1].startswith(b"t OK")
    assert client.do(b"APPEND INBOX {3+}\r\n\xc3\xa9x")[-1].startswith(b"t OK")
    client.send(b"v APPEND INBOX UTF8 (~{3}\r\n")
    assert client.take() == b"+ Go on\r\n"
    client.send(b"\xc3\xa9x)\r\n")
    assert b"v OK [APPENDUID " in client.take()
    assert client.do("STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 5)"


def test_r36_pipelined_commands_run_in_order(server: Server) -> None:
    client = server.client()
    for _ in range(3):
        append(client, MESSAGE)
    client.send(
        b"a STORE 2 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n"
        b"c STORE 2 +FLAGS.SILENT (\\Flagged)\r\n"
        b"d UID COPY 3 Trash\r\ne UID SEARCH FLAGGED\r\n"
    )
    assert lines(client)[:-3] == [b"a OK Done", b"* 2 EXPUNGE", b"b OK Done", b"c OK Done"]
    assert client.do("UID SEARCH FLAGGED")[0] == b"* SEARCH 3"
