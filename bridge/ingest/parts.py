"""The flat list of a message's parts, numbered as FETCH sections number them (RFC 9051 §6.4.5)."""

from bridge.mime.tree import Node
from bridge.model.message import Part


def flatten(root: Node) -> tuple[Part, ...]:
    """Every part and message, parents first.

    A message's own record bears the prefix of its parts' numbers: "" for the whole, "2." for the
    message embedded in part 2. A message that isn't multipart has its body as its part 1.
    """
    found: list[Part] = []
    _message(root, "", found)
    return tuple(found)


def _message(node: Node, prefix: str, into: list[Part]) -> None:
    into.append(_part(node, prefix))
    if node.multipart:
        _children(node, prefix, into)
    else:
        _leaf(node, prefix + "1", into)


def _children(node: Node, prefix: str, into: list[Part]) -> None:
    for index, child in enumerate(node.children, 1):
        number = f"{prefix}{index}"
        if child.multipart:
            into.append(_part(child, number))
            _children(child, number + ".", into)
        else:
            _leaf(child, number, into)


def _leaf(node: Node, number: str, into: list[Part]) -> None:
    into.append(_part(node, number))
    if node.embeds:
        _message(node.children[0], number + ".", into)


def _part(node: Node, number: str) -> Part:
    kind, _, subtype = node.content_type.word.partition(b"/")
    charset = node.content_type.parameter(b"charset") or b""
    return Part(
        number=number,
        mime_start=node.start,
        header_end=node.header_end,
        body_start=node.header_end,
        body_end=node.end,
        type=kind.decode("latin-1"),
        subtype=subtype.decode("latin-1"),
        encoding=node.encoding.decode("latin-1"),
        charset=charset.decode("latin-1"),
        lines=node.lines,
        rfc822=node.embeds,
        multipart=node.multipart,
    )
