"""What the families of odd messages are built from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Odd:
    """A message; its name says what is odd about it."""

    name: str
    octets: bytes

    @property
    def bare_lf(self) -> bool:
        """Whether some line ends in LF alone."""
        return self.octets.count(b"\n") != self.octets.count(b"\r\n")


FROM = b"From: Ann Smith <ann@example.org>\n"
TO = b"To: Bob <bob@example.net>\n"
DATE = b"Date: Mon, 23 Nov 2026 09:59:00 +0100\n"
HEAD = FROM + TO + b"Subject: plain subject\n" + DATE + b"Message-ID: <1@example.org>\n"
MIME = b"MIME-Version: 1.0\n"


def crlf(text: bytes) -> bytes:
    """The text with CRLF for LF; what is odd about line ends comes in after this."""
    return text.replace(b"\n", b"\r\n")


def mail(fields: bytes = b"", body: bytes = b"Hello Bob\n", head: bytes = HEAD) -> bytes:
    """A message with the usual fields, more `fields` and a body."""
    return crlf(head + fields + b"\n" + body)


def typed(content_type: bytes, body: bytes = b"Hello Bob\n", fields: bytes = b"") -> bytes:
    """A MIME message of that Content-Type."""
    return mail(MIME + b"Content-Type: " + content_type + b"\n" + fields, body)


def part(fields: bytes = b"", body: bytes = b"text of a part") -> bytes:
    """A body part: its fields, a blank line, its body."""
    return fields + b"\n" + body


def joined(*parts: bytes, boundary: bytes = b"b", before: bytes = b"", after: bytes = b"") -> bytes:
    """The body of a multipart."""
    inner = b"".join(b"--" + boundary + b"\n" + one + b"\n" for one in parts)
    return before + inner + b"--" + boundary + b"--\n" + after


def multipart(*parts: bytes, kind: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    """A multipart entity: its Content-Type, a blank line, its parts."""
    head = b'Content-Type: multipart/%b; boundary="%b"\n\n' % (kind, boundary)
    return head + joined(*parts, boundary=boundary)


def named(family: str, table: Mapping[str, bytes]) -> Iterator[Odd]:
    """The table's messages, named after family and oddity."""
    for name, octets in table.items():
        yield Odd(f"{family}: {name}", octets)


def entity(octets: bytes, head: bytes = HEAD) -> bytes:
    """A message of the usual fields and an entity that brings its own fields and blank line."""
    return crlf(head + MIME + octets)
