"""A message's MIME structure as the scanner leaves it: nodes with octet offsets."""

from dataclasses import dataclass, field

from bridge.mime import headers, parameters
from bridge.mime.headers import Field
from bridge.mime.parameters import Value

TEXT_PLAIN = Value(b"text/plain")
OPAQUE = Value(b"application/octet-stream")
MESSAGE = Value(b"message/rfc822")
IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})
MESSAGE_TYPES = frozenset({b"message/rfc822"})
"""To IMAP4rev1 message/global is an attachment like any other (RFC 3501 §9 "media-message")."""


@dataclass(slots=True)
class Node:
    """One entity. Offsets count from the start of the message; ends are exclusive.

    A message/rfc822 node has the embedded message as its one child. `header` is the header block,
    cut at the scanner's limit, and `fields` what is in it; `text` is the raw content of a leaf of
    text, cut likewise. `boundary` is that of a multipart whose last delimiter hasn't come.
    """

    start: int
    default: Value
    header_end: int = 0
    end: int = 0
    body_lf: int = 0
    end_lf: int = 0
    header: bytes = b""
    fields: tuple[Field, ...] = ()
    content_type: Value = TEXT_PLAIN
    encoding: bytes = b""
    multipart: bool = False
    boundary: bytes | None = None
    text: bytearray = field(default_factory=bytearray)
    children: "list[Node]" = field(default_factory=list)

    @property
    def lines(self) -> int:
        """LF in the body."""
        return max(0, self.end_lf - self.body_lf)

    @property
    def size(self) -> int:
        """Octets of the body."""
        return max(0, self.end - self.header_end)

    @property
    def embeds(self) -> bool:
        """Whether its body is a message with parts of its own."""
        return bool(self.children) and not self.multipart

    @property
    def readable(self) -> bool:
        """Whether its content is text as far as is known: reports are, and what has no part."""
        if self.multipart:
            return not self.children
        return self.content_type.word.startswith((b"text/", b"message/"))

    def settle(self) -> None:
        """Makes it and all below what IMAP can show, once all octets are known.

        A multipart without a part is text, so that nothing is hidden (RFC 2045 §5.2). A message
        that can't be opened, as it is encoded, has its octets for a text, and no header.
        """
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.multipart and not node.children:
                node.multipart, node.content_type = False, TEXT_PLAIN
            elif node.content_type.word in MESSAGE_TYPES and not node.children:
                node.children.append(node._unopened())
            waiting += node.children

    def _unopened(self) -> "Node":
        start, text = self.header_end, self.text
        self.text = bytearray()
        return Node(
            start,
            TEXT_PLAIN,
            header_end=start,
            end=self.end,
            body_lf=self.body_lf,
            end_lf=self.end_lf,
            encoding=self.encoding,
            text=text,
        )

    def cut(self, end: int, lf: int) -> None:
        """Ends the entity at octet `end`, before which there are `lf` LF."""
        self.start = min(self.start, end)
        self.header_end, self.body_lf = min(self.header_end, end), min(self.body_lf, lf)
        self.header = self.header[: self.header_end - self.start]
        self.end, self.end_lf = end, lf
        del self.text[self.size :]

    def read_header(self, block: bytes) -> None:
        """Takes type and encoding from the header block; what is broken is text/plain."""
        self.header = block
        self.fields = tuple(headers.fields(block))
        found: dict[bytes, bytes] = {}
        for entry in self.fields:
            if entry.name in (b"content-type", b"content-transfer-encoding"):
                found.setdefault(entry.name, entry.raw)
        self.content_type = self.default
        raw = found.get(b"content-type")
        if raw is not None:
            value = parameters.parse(raw)
            self.content_type = value if b"/" in value.word else TEXT_PLAIN
        encoding = parameters.parse(found.get(b"content-transfer-encoding", b""))
        self.encoding = encoding.word
