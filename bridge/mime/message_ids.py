"""Message IDs (RFC 5322 §3.6.4) in the one form that threads compare (RFC 5256 §3)."""

import re
from collections.abc import Iterator

MAX_REFERENCES = 1000
"""Of one message, the last ones: the nearest ancestors. A line of mail holds a dozen."""

_MESSAGE_ID = re.compile(rb'<(?:"(?:[^"\\\r\n]|\\[^\r\n]){0,900}+"@)?+[^<>\s]{1,900}+>')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"')
_PAIR = re.compile(rb"\\(.)")
_COMMENT = re.compile(rb"\([^()]*+\)")
_SPECIAL = re.compile(rb'["\\(]')


def own(value: bytes) -> bytes:
    """The message's own ID out of Message-ID, without angles and quoting; b"" if none is valid."""
    return next(_all(value), b"")


def references(value: bytes, in_reply_to: bytes) -> tuple[bytes, ...]:
    """What References names, oldest first; if that is nothing, the first that In-Reply-To names.

    Args:
        value: of References, unfolded.
        in_reply_to: the value of that field: what follows an ID there may be an address.
    """
    found = tuple(_all(value))[-MAX_REFERENCES:]
    return found or tuple(_first(in_reply_to))


def _first(value: bytes) -> Iterator[bytes]:
    found = own(value)
    if found:
        yield found


def _all(value: bytes) -> Iterator[bytes]:
    """The valid IDs; one has "@" between its sides."""
    for found in _MESSAGE_ID.finditer(value):
        text = found[0][1:-1]
        if _SPECIAL.search(text) is not None:
            text = _normal(text)
        left, at, right = text.rpartition(b"@")
        if left and at and right:
            yield text


def _normal(text: bytes) -> bytes:
    """Without quotation marks, the backslashes of pairs and comments: they say nothing."""
    pieces, start = [], 0
    for quoted in _QUOTED.finditer(text):
        pieces.append(_PAIR.sub(rb"\1", _COMMENT.sub(b"", text[start : quoted.start()])))
        pieces.append(_PAIR.sub(rb"\1", quoted[1]))
        start = quoted.end()
    pieces.append(_PAIR.sub(rb"\1", _COMMENT.sub(b"", text[start:])))
    return b"".join(pieces)
