"""Parts with NUL as base64: nothing is lost, nothing else changes, whatever the portions."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.pipeline import Ingest
from bridge.mime.recode import NulFinder, Recoder, encodable
from bridge.mime.transfer import decoder
from bridge.model.message import Part

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PIECES = [
    b"Subject: x\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/plain\r\n",
    b"Content-Transfer-Encoding: binary\r\n",
    b"content-transfer-encoding :\r\n 8bit\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\r\n",
    b"\n",
    b"--b\r\n",
    b"\r\n--b\r\n",
    b"--b--\r\n",
    b"text",
    b"\0",
    b"x\0" * 50,
    b"\xff",
]


def parts_of(octets: bytes) -> tuple[Part, ...]:
    ingest = Ingest(arrival=NOW)
    ingest.feed(octets)
    return ingest.finish().parts


def recoded(octets: bytes, step: int) -> tuple[bytes, list[Part]]:
    portions = [octets[at : at + step] for at in range(0, len(octets), step)]
    finder = NulFinder(encodable(parts_of(octets)))
    for portion in portions:
        finder.feed(portion)
    recoder = Recoder(finder.found)
    return b"".join(map(recoder.feed, portions)), finder.found


def plain(octets: bytes, part: Part) -> bytes:
    decoding = decoder(part.encoding.encode())
    assert decoding is not None
    return decoding.feed(octets[part.body_start : part.body_end]) + decoding.finish()


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.integers(1, 40))
def test_nothing_is_lost(pieces: list[bytes], step: int) -> None:
    octets = b"".join(pieces)
    made, found = recoded(octets, step)
    assert recoded(octets, len(octets) + 1) == (made, found)
    numbers = {part.number for part in found}
    wanted = {
        part.number
        for part in encodable(parts_of(octets))
        if b"\0" in octets[part.body_start : part.body_end]
    }
    assert numbers == wanted
    if not found:
        assert made == octets
    old, new = parts_of(octets), parts_of(made)
    assert [part.number for part in old] == [part.number for part in new]
    for before, after in zip(old, new, strict=True):
        if before.number in numbers:
            assert after.encoding == "base64"
            assert plain(made, after) == octets[before.body_start : before.body_end]
            assert b"\0" not in made[after.body_start : after.body_end]
        elif before in encodable(old):
            assert plain(made, after) == octets[before.body_start : before.body_end]
