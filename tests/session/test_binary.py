"""BINARY (RFC 3516): parts decoded, their sizes, slices of them, what can't be decoded."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.session import binary
from bridge.session.decoded import DECODED_OCTETS
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def part(encoding: bytes, octets: bytes) -> bytes:
    return b"Content-Type: application/x\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        encoding,
        octets,
    )


def mixed(*parts: bytes) -> bytes:
    head = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"".join(b"--b\r\n%b\r\n" % one for one in parts) + b"--b--\r\n"


def fetched(client: Client, item: str, number: int = 1) -> tuple[bytes, bytes]:
    """The kind of literal and the octets that one item answers with; else the whole answer."""
    client.send(b"f FETCH %d (%b)\r\n" % (number, item.encode()))
    answer = client.take()
    found = re.search(rb" (~?)\{(\d+)\}\r\n", answer)
    if found is None:
        return b"", answer
    return found[1], answer[found.end() : found.end() + int(found[2])]


ZERO = bytes(range(256)) * 4


def test_each_encoding(server: Server) -> None:
    client = server.client()
    coded = base64.encodebytes(ZERO).replace(b"\n", b"\r\n")
    append(
        client,
        mixed(
            part(b"base64", coded),
            part(b"QUOTED-PRINTABLE", b"a=C3=A9  \r\nb=\r\n=3Dc"),
            part(b"8bit", b"\xc3\xa9\r\n"),
            part(b"x-other", b"?"),
        ),
    )
    assert fetched(client, "BINARY.PEEK[1]") == (b"~", ZERO)
    assert fetched(client, "BINARY.PEEK[2]") == (b"", "aé\r\nb=c".encode())
    assert fetched(client, "BINARY.PEEK[3]") == (b"", b"\xc3\xa9\r\n")
    sizes = b"* 1 FETCH (BINARY.SIZE[1] 1024 BINARY.SIZE[2] 8 BINARY.SIZE[3] 4)"
    assert client.do("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[3])")[0] == sizes


def test_slices_count_decoded_octets(server: Server) -> None:
    client = server.client()
    append(client, mixed(part(b"base64", base64.encodebytes(ZERO))))
    for first, count in ((0, 1), (1, 5), (255, 2), (1000, 100), (1024, 5), (5000, 1)):
        client.send(b"f FETCH 1 BINARY.PEEK[1]<%d.%d>\r\n" % (first, count))
        wanted = ZERO[first : first + count]
        tilde = b"~" if b"\0" in wanted else b""
        head = b"* 1 FETCH (BINARY[1]<%d> %b{%d}\r\n" % (first, tilde, len(wanted))
        assert client.take().startswith(head + wanted + b")")


def test_seen_is_set_by_binary_alone(server: Server) -> None:
    client = server.client()
    append(client, part(b"base64", b"QQ=="))
    for item in ("BINARY.PEEK[1]", "BINARY.SIZE[1]"):
        assert b"Seen" not in b"".join(client.do(f"FETCH 1 {item}"))
    client.send(b"f FETCH 1 BINARY[1]\r\n")
    assert b"BINARY[1] {1}\r\nA FLAGS (\\Recent \\Seen))" in client.take()


def test_a_part_that_is_not_there(server: Server) -> None:
    client = server.client()
    append(client, part(b"base64", b"QQ=="))
    answer = client.do("FETCH 1 (BINARY.PEEK[7] BINARY.SIZE[7] BINARY.PEEK[1.1]<3.4>)")
    assert answer[0] == b"* 1 FETCH (BINARY[7] NIL BINARY.SIZE[7] 0 BINARY[1.1]<3> NIL)"


def test_the_whole_message_is_as_it_is(server: Server) -> None:
    client = server.client()
    octets = part(b"base64", b"QQ==\0\r\n")
    append(client, octets)
    assert fetched(client, "BINARY.PEEK[]") == (b"~", octets)
    assert fetched(client, "BINARY.PEEK[]<3.9>") == (b"", octets[3:12])
    assert client.do("FETCH 1 BINARY.SIZE[]")[0] == b"* 1 FETCH (BINARY.SIZE[] %d)" % len(octets)


def test_multipart_and_message_parts(server: Server) -> None:
    client = server.client()
    inner = part(b"base64", b"QUI=")
    wrapped = b"Content-Type: message/rfc822\r\n\r\n" + inner
    # An encoding that RFC 2045 §6.4 forbids: the one way to read it is to take it off.
    coded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    coded += base64.b64encode(inner)
    append(client, mixed(wrapped, coded, mixed(inner)))
    assert fetched(client, "BINARY.PEEK[1]") == (b"", inner)
    assert fetched(client, "BINARY.PEEK[1.1]") == (b"", b"AB")
    assert fetched(client, "BINARY.PEEK[2]") == (b"", inner)
    assert fetched(client, "BINARY.PEEK[3]")[1].startswith(b"--b\r\n")
    assert fetched(client, "BINARY.PEEK[3.1]") == (b"", b"AB")


def test_an_unknown_encoding_fails_and_others_are_shown(server: Server) -> None:
    client = server.client()
    append(client, part(b"base64", b"QQ=="))
    append(client, part(b"x-uuencode", b"begin"))
    append(client, part(b"7bit", b"z"))
    for item in ("BINARY[1]", "BINARY.PEEK[1]", "BINARY.SIZE[1]"):
        lines = client.do(f"FETCH 1:3 (UID {item})")
        assert lines[-1].startswith(b"t NO [UNKNOWN-CTE] ")
        assert next(line for line in lines if b" FETCH (UID" in line).startswith(b"* 1 FETCH")
        assert not any(line.startswith(b"* 2 ") for line in lines)
        assert any(line.startswith(b"* 3 ") for line in lines)
    assert client.do("FETCH 2 FLAGS")[0] == rb"* 2 FETCH (FLAGS (\Recent))"
    assert client.do("FETCH 2 BINARY[1]")[0].startswith(b"t NO [UNKNOWN-CTE]")
    # What it is encoded in can be had.
    assert fetched(client, "BODY.PEEK[1]", 2) == (b"", b"begin")


LARGE = bytes(range(256)) * (DECODED_OCTETS // 100)


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "binary"])
def test_large_parts_come_in_slices(server: Server, encoding: str) -> None:
    client = server.client()
    plain = LARGE if encoding == "base64" else b"caf\xc3\xa9 =\r\n" * (DECODED_OCTETS // 6)
    coded = plain
    if encoding == "base64":
        coded = base64.encodebytes(plain)
    elif encoding == "quoted-printable":
        coded = plain.replace(b"=", b"=3D").replace(b"\xc3", b"=C3")
    append(client, mixed(part(encoding.encode(), coded), part(b"7bit", b"x")))
    tilde = b"~" if b"\0" in plain else b""
    assert fetched(client, "BINARY.PEEK[1]") == (tilde, plain)
    size = b"* 1 FETCH (BINARY.SIZE[1] %d UID 1)" % len(plain)
    assert client.do("FETCH 1 (BINARY.SIZE[1] UID)")[0] == size
    for first, count in ((0, 10), (len(plain) - 5, 50), (300_000, 70_000), (5, 400_000)):
        assert fetched(client, f"BINARY.PEEK[1]<{first}.{count}>")[1] == plain[first:][:count]
    assert fetched(client, f"BINARY.PEEK[1]<{len(plain)}.5>") == (b"", b"")


def test_slices_one_after_the_other_decode_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client()
    append(client, mixed(part(b"base64", base64.encodebytes(LARGE))))
    steps = []
    step = binary._step

    def counted(*arguments: object, **named: object) -> object:
        steps.append(1)
        return step(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(binary, "_step", counted)
    slices = range(0, len(LARGE), 65536)
    came = b"".join(fetched(client, f"BINARY.PEEK[1]<{at}.65536>")[1] for at in slices)
    assert came == LARGE
    pieces = len(base64.encodebytes(LARGE)) // DECODED_OCTETS + 1
    assert len(steps) <= pieces + 2 * len(slices)


@pytest.mark.parametrize(
    "arguments",
    [
        "BINARY",
        "BINARY.PEEK",
        "BINARY.SIZE",
        "BINARY[TEXT]",
        "BINARY[1.MIME]",
        "BINARY[0]",
        "BINARY[1.]",
        "BINARY[1]<0>",
        "BINARY[1]<0.0>",
        "BINARY.SIZE[1]<0.5>",
        "BINARY.SIZE.PEEK[1]",
        "(BINARY[1)",
    ],
)
def test_what_is_no_item(server: Server, arguments: str) -> None:
    client = server.client()
    append(client, b"x")
    assert client.do(f"FETCH 1 {arguments}")[-1].startswith(b"t BAD")


NUL = bytes(range(256)) * 3


def append8(client: Client, octets: bytes) -> list[bytes]:
    return client.do(b"APPEND INBOX ~{%d+}\r\n%b" % (len(octets), octets))


def test_nul_that_is_appended_is_shown_by_body_in_base64(server: Server) -> None:
    client = server.client()
    octets = mixed(part(b"binary", NUL), part(b"binary", b"no zero\xff"), b"\r\nplain\0")
    assert append8(client, octets)[-1].startswith(b"t OK [APPENDUID")
    _, shown = fetched(client, "BODY.PEEK[]")
    assert b"\0" not in shown
    assert base64.b64decode(fetched(client, "BODY.PEEK[1]")[1]) == NUL
    mime = b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert fetched(client, "BODY.PEEK[1.MIME]") == (b"", mime)
    assert b'"base64"' in client.do("FETCH 1 BODYSTRUCTURE")[0].lower()
    assert fetched(client, "BINARY.PEEK[1]") == (b"~", NUL)
    # What needs nothing keeps its octets, for signatures' sake.
    assert fetched(client, "BODY.PEEK[2]") == (b"", b"no zero\xff")
    assert fetched(client, "BINARY.PEEK[3]") == (b"~", b"plain\0")
    size = re.search(rb"RFC822.SIZE (\d+)", client.do("FETCH 1 RFC822.SIZE")[0])
    assert size is not None and int(size[1]) == len(shown)


def test_a_message_of_one_part(server: Server) -> None:
    client = server.client()
    append8(client, b"Subject: x\r\n\r\na\0b\r\n")
    text = b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBiDQo=\r\n"
    assert fetched(client, "BODY.PEEK[]") == (b"", text)
    assert fetched(client, "BINARY.PEEK[1]") == (b"~", b"a\0b\r\n")


def test_what_is_appended_without_nul_or_literal8_is_not_touched(server: Server) -> None:
    client = server.client()
    octets = part(b"binary", b"\xff\r\n" + b"x" * 2000)
    append8(client, octets)
    assert fetched(client, "BODY.PEEK[]") == (b"", octets)
    append(client, part(b"binary", b"a\0b"))
    assert fetched(client, "BODY.PEEK[1]", 2) == (b"", b"a\x80b")
    assert fetched(client, "BINARY.PEEK[1]", 2) == (b"~", b"a\0b")


@pytest.mark.parametrize(
    "octets", [b"Subject: a\0b\r\n\r\nx", mixed(part(b"base64", b"QQ==\0")), b"\0", b"\0\0\r\n\0"]
)
def test_nul_where_no_encoding_can_be_is_kept(server: Server, octets: bytes) -> None:
    client = server.client()
    append8(client, octets)
    assert fetched(client, "BINARY.PEEK[]") == (b"~", octets)
    assert fetched(client, "BODY.PEEK[]") == (b"", octets.replace(b"\0", b"\x80"))


def test_large_ones_in_one_command_with_others(server: Server) -> None:
    client = server.client()
    large = mixed(part(b"binary", NUL * 3000), part(b"binary", b"x" * 500_000 + b"\0"))
    small = part(b"binary", NUL)
    command = b"APPEND INBOX ~{%d+}\r\n%b ~{%d+}\r\n%b {3+}\r\na\0b" % (
        len(large),
        large,
        len(small),
        small,
    )
    assert client.do(command)[-1].startswith(b"t OK [APPENDUID")
    assert fetched(client, "BINARY.PEEK[1]") == (b"~", NUL * 3000)
    assert fetched(client, "BINARY.PEEK[2]") == (b"~", b"x" * 500_000 + b"\0")
    assert b"\x80" not in fetched(client, "BODY.PEEK[]")[1]
    assert fetched(client, "BINARY.PEEK[1]", 2) == (b"~", NUL)
    counts = "select count(*), sum(not sealed) from blob where not dropped"
    found = server.store.read(lambda tx: tx.connection.exec_driver_sql(counts).one())
    assert tuple(found) == (3, 0)


def test_a_refused_one_leaves_nothing(server: Server) -> None:
    client = server.client()
    large = part(b"binary", NUL * 3000)
    client.send(b"a APPEND INBOX ~{%d+}\r\n%b rubbish\r\n" % (len(large), large))
    assert client.take().startswith(b"a BAD")
    counts = "select count(*) from blob where not dropped"
    assert server.store.read(lambda tx: tx.connection.exec_driver_sql(counts).scalar()) == 0
