"""BODY and BODYSTRUCTURE as the octets to send (RFC 9051 §7.5.2)."""

from bridge.imap.serialize import nstring, string
from bridge.ingest.envelope import envelope
from bridge.mime import parameters
from bridge.mime.parameters import Value
from bridge.mime.tree import Node

_FIELDS = frozenset(
    {
        b"content-id",
        b"content-description",
        b"content-md5",
        b"content-disposition",
        b"content-language",
        b"content-location",
    }
)


def structures(node: Node) -> tuple[bytes, bytes]:
    """The parenthesized forms of a node: (BODY, BODYSTRUCTURE)."""
    found: dict[bytes, bytes] = {}
    for entry in node.fields:
        if entry.name in _FIELDS:
            found.setdefault(entry.name, entry.value)
    if node.multipart:
        inner = [structures(child) for child in node.children]
        kind = b" " + string(_types(node)[1])
        body, full = (b"".join(parts) + kind for parts in zip(*inner, strict=True))
        extension = [_parameters(node.content_type)]
    else:
        body, full = _leaf(node, found)
        extension = [nstring(found.get(b"content-md5"))]
    extension += (
        _disposition(found.get(b"content-disposition")),
        _language(found.get(b"content-language")),
        nstring(found.get(b"content-location")),
    )
    return b"(%b)" % body, b"(%b %b)" % (full, b" ".join(extension))


def _leaf(node: Node, found: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    kind, subtype = _types(node)
    head = b"%b %b %b %b %b %b %d" % (
        string(kind),
        string(subtype),
        _parameters(node.content_type),
        nstring(found.get(b"content-id")),
        nstring(found.get(b"content-description")),
        string(node.encoding or b"7bit"),
        node.size,
    )
    if node.embeds:
        inner = node.children[0]
        head += b" " + envelope(inner.fields)
        body, full = structures(inner)
        return b"%b %b %d" % (head, body, node.lines), b"%b %b %d" % (head, full, node.lines)
    if kind == b"text":
        head += b" %d" % node.lines
    return head, head


def _types(node: Node) -> tuple[bytes, bytes]:
    kind, _, subtype = node.content_type.word.partition(b"/")
    return kind, subtype


def _parameters(value: Value) -> bytes:
    if not value.parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(
        string(name) + b" " + string(content) for name, content in value.parameters
    )


def _disposition(raw: bytes | None) -> bytes:
    value = parameters.parse(raw or b"")
    # A type is one token, and what isn't known is an attachment (RFC 2183 §2, §2.8): a file name
    # is never lost.
    word = value.word.partition(b"/")[0] or (b"attachment" if value.parameters else b"")
    return b"(%b %b)" % (string(word), _parameters(value)) if word else b"NIL"


def _language(raw: bytes | None) -> bytes:
    tags = parameters.tokens(raw or b"")
    if not tags:
        return b"NIL"
    return string(tags[0]) if len(tags) == 1 else b"(%b)" % b" ".join(map(string, tags))
