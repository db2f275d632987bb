"""PREVIEW (RFC 8970 §3.3): the first characters of what a reader sees of a message."""

import re
from collections.abc import Iterable, Iterator, Mapping

from bridge.mime import headers, parameters
from bridge.mime.tree import Node

PREVIEW_CHARACTERS = 200
"""RFC 8970 §3.3 asks for so many, and permits 256."""

_SOURCE_CHARACTERS = 4000
"""Of a text, in which what is new is looked for."""

_SHOWN = (b"text/plain", b"text/html")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Controls, and those that would turn the direction of what stands beside the preview."""

_INVISIBLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
"""What newsletters pad their first line with; within words it stays, where some scripts need it."""


def preview(root: Node, texts: Mapping[int, str]) -> str:
    """One line of at most `PREVIEW_CHARACTERS`; "" where there is nothing to be read.

    Of alternatives the plain text counts, unless it is empty. What is quoted counts only where
    there is nothing else, and so do attachments.

    Args:
        root: the message.
        texts: the readable text of nodes, by their `id`.
    """
    shown = _joined(_bodies(root, texts))
    if not shown:
        shown = _joined(_new_text(texts.get(id(node), "")) for node in _leaves(root))
    return shown


def _joined(pieces: Iterable[str]) -> str:
    shown = ""
    for piece in filter(None, pieces):
        shown += f" {piece}" if shown else piece
        if len(shown) >= PREVIEW_CHARACTERS:
            break
    return shown[:PREVIEW_CHARACTERS].rstrip()


def _bodies(node: Node, texts: Mapping[int, str]) -> Iterator[str]:
    """What is new in each text that is shown with the message, in order."""
    if node.content_type.word == b"multipart/alternative" and node.multipart:
        plain_first = sorted(node.children, key=lambda child: child.content_type.word != _SHOWN[0])
        yield next(filter(None, (_joined(_bodies(child, texts)) for child in plain_first)), "")
        return
    if node.children:
        for child in node.children:
            yield from _bodies(child, texts)
    elif node.content_type.word in _SHOWN and not _is_attachment(node):
        yield _new_text(texts.get(id(node), ""))


def _leaves(node: Node) -> Iterator[Node]:
    if not node.children and node.content_type.word.startswith(b"text/"):
        yield node
    for child in node.children:
        yield from _leaves(child)


def _is_attachment(node: Node) -> bool:
    said = headers.first(node.fields, b"content-disposition")
    return said is not None and parameters.parse(said).word == b"attachment"


def _new_text(text: str) -> str:
    """The first words of a text on one line, without what it quotes unless that is all."""
    lines = text[:_SOURCE_CHARACTERS].splitlines()
    new = (line for line in lines if not line.lstrip().startswith(">"))
    return _joined(map(_words, new)) or _joined(map(_words, lines))


def _words(line: str) -> str:
    words = _UNPRINTABLE.sub(" ", line).split()
    if line.isascii():
        return " ".join(words)
    return " ".join(word for word in words if word.strip(_INVISIBLE))
