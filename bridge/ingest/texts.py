"""What SEARCH and PREVIEW look at: the readable text of a message, folded (RFC 3501 §6.4.4)."""

import re
from collections.abc import Iterator

from bridge.ingest.preview import preview
from bridge.mime import parameters, text
from bridge.mime.tree import Node
from bridge.query.fold import SECTION_END, fold, spaced

MAX_SEARCH_OCTETS = 4 << 20
"""Of folded text, and of parts' headers; compatibility forms can make it eighteen times as long
as it came."""

_FOLD_CHARACTERS = 16 << 10
_ASCII = re.compile("[\x00-\x7f]")
_SAID_TWICE = frozenset({b"content-type", b"content-disposition"})


def preview_and_search_text(root: Node) -> tuple[str, bytes]:
    """(what PREVIEW shows, what SEARCH BODY and TEXT look at).

    The latter is the bodies' text, and behind a NUL the headers of parts and embedded messages:
    TEXT looks at both, BODY at no field (RFC 9051 §6.4.4).
    """
    bodies: dict[int, str] = {}
    fields: list[str] = []
    for node in _all(root):
        if node is not root:
            fields.append(text.header_lines(node.header))
        fields += _coded_parameters(node)
        if node.text:
            bodies[id(node)] = _readable(node)
    # Of octets, where a NUL folds to itself: in wide text each letter's high octet looks like one.
    body = folded("\n".join(bodies.values())).replace(SECTION_END, b" ")
    tail = spaced(folded("\n".join(fields)))
    return preview(root, bodies), body + SECTION_END + tail if tail else body


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _readable(node: Node) -> str:
    return text.readable(
        bytes(node.text),
        encoding=node.encoding,
        charset=node.content_type.parameter(b"charset") or b"",
        is_html=node.content_type.word == b"text/html",
    )


def _coded_parameters(node: Node) -> Iterator[str]:
    """File names and the like that the field shows in pieces or in percent encoding (RFC 2231)."""
    for field in node.fields:
        if field.name in _SAID_TWICE and b"*" in field.raw:
            yield from parameters.parse(field.value).texts()


def folded(text: str) -> bytes:
    """What a search compares with, up to `MAX_SEARCH_OCTETS`.

    Folded slice by slice, cut at ASCII characters, where that changes nothing: one call over
    megabytes would hold up every other thread.
    """
    if len(text) <= _FOLD_CHARACTERS:
        return fold(text)[:MAX_SEARCH_OCTETS]
    pieces: list[bytes] = []
    start, left = 0, MAX_SEARCH_OCTETS
    while start < len(text) and left > 0:
        cut = _ASCII.search(text, start + _FOLD_CHARACTERS)
        end = cut.start() if cut else len(text)
        pieces.append(fold(text[start:end])[:left])
        left -= len(pieces[-1])
        start = end
    return b"".join(pieces)
