"""The readable text of a body part: transfer encoding, charset and HTML taken off."""

import binascii
import html
import re

from bridge.mime import headers, words
from bridge.mime.words import charset_text

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n)")
_HIDDEN_IN_BODY = re.compile(r"<(script|style)\b", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style|head)\b", re.IGNORECASE)
_SHOWN_AGAIN = {
    "script": re.compile(r"</script\b", re.IGNORECASE),
    "style": re.compile(r"</style\b", re.IGNORECASE),
    "head": re.compile(r"</head\b|<body\b", re.IGNORECASE),
}
_TAG = re.compile(
    r"<(?:!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->)?|(/?[A-Za-z][A-Za-z0-9]*+|[!?/])[^<>]{0,20000}+>)"
)
"""A lone "<" before anything else is text."""

_SOUND_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]*+|[!?/])[^>]{0,1000}+>")
"""The same, in two thirds of the time, where no tag has a "<" in it and none is very long."""

_LINES = frozenset(
    f"{slash}{name}"
    for slash in ("", "/")
    for name in ("br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6")
)
_LONGEST_NAME = 10
_CACHED_NAMES = 1000


class _Breaks(dict[str | None, str]):
    """A tag's name to what stands in its place; the names that are met are remembered."""

    def __missing__(self, name: str | None) -> str:
        found = "\n" if name and name.lower() in _LINES else ""
        if not name or (len(name) <= _LONGEST_NAME and len(self) < _CACHED_NAMES):
            self[name] = found
        return found


_BREAKS = _Breaks()


def decode_transfer(octets: bytes, encoding: bytes) -> bytes:
    """The octets without their transfer encoding; a broken end of base64 is dropped."""
    if encoding == b"base64":
        # The data ends with the first "=" (RFC 2045 §6.8): mailing lists put their text behind it.
        data = octets.partition(b"=")[0]
        try:
            return binascii.a2b_base64(data + b"==")
        except binascii.Error:
            # One letter too many, which can't be a whole octet.
            clean = _NOT_BASE64.sub(b"", data)
            return binascii.a2b_base64(clean[: len(clean) // 4 * 4])
    if encoding == b"quoted-printable":
        # RFC 2045 §6.7 (3): white space at a line's end was added on the way.
        return binascii.a2b_qp(_SOFT_BREAK.sub(b"=", octets))
    return octets


def readable(octets: bytes, *, encoding: bytes, charset: bytes, is_html: bool) -> str:
    """The part as text for search and preview."""
    text = charset_text(decode_transfer(octets, encoding), charset)
    return without_markup(text) if is_html else text


def header_lines(block: bytes) -> str:
    """A header as text, each field on a line of its own, encoded words decoded."""
    lines = _unfolded(block)
    try:
        lines.decode()
    except UnicodeDecodeError:
        # What is in no known charset spoils its own field only.
        return "\n".join(map(words.decode, lines.split(b"\n")))
    return words.decode(lines)


def coded_fields(block: bytes) -> bytes:
    """The fields of a header that may read otherwise than they are written, each on a line."""
    if b"=?" not in block and block.isascii():
        return b""
    lines = _unfolded(block).split(b"\n")
    return b"\n".join(line for line in lines if b"=?" in line or not line.isascii())


def _unfolded(block: bytes) -> bytes:
    lines = block[: headers.fields_end(block)].replace(b"\r\n", b"\n")
    return lines.replace(b"\n ", b" ").replace(b"\n\t", b"\t")


def without_markup(text: str) -> str:
    """The text of HTML as a reader sees it: white space is one space, blocks are lines."""
    text = " ".join(_without_hidden(text).split())
    # Text and the tags' names in turn; comments have none.
    pieces = [] if "<!--" in text else _SOUND_TAG.split(text)
    if len(pieces) // 2 != text.count("<"):
        pieces = _TAG.split(text)
    pieces[1::2] = map(_BREAKS.__getitem__, pieces[1::2])
    return html.unescape("".join(pieces))


def _without_hidden(text: str) -> str:
    """Without scripts, styles and the head, which ends with the body's begin at the latest."""
    pieces: list[str] = []
    position, hidden = 0, _HIDDEN
    while (opened := hidden.search(text, position)) is not None:
        kind = opened[1].lower()
        closed = _SHOWN_AGAIN[kind].search(text, opened.end())
        if closed is None and kind == "head":
            # There is but one, and nothing is in it.
            hidden = _HIDDEN_IN_BODY
            continue
        pieces.append(text[position : opened.start()])
        if closed is None:
            return "".join(pieces)
        # The end tag goes with the other tags.
        position = closed.start()
    pieces.append(text[position:])
    return "".join(pieces)
