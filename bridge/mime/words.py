"""Encoded words (RFC 2047) and raw 8-bit headers, as text: never raising."""

import base64
import binascii
import codecs
import quopri
import re

_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(rb"(=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")

_SURROGATE = re.compile("[\ud800-\udfff]")
"""UTF-7 can bring forth halves of pairs, which no UTF-8 can hold."""

_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python's that no mail is written in; punycode's time grows with the square."""

_WIDER = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""What is really written under these names, with some characters more."""

_UNNAMED = frozenset({"", "us-ascii", "ascii", "unknown-8bit"})


def decode(value: bytes) -> str:
    """The text of an unstructured field's value; what can't be decoded stays as it stands.

    Neighbours of one charset are decoded together: some senders cut characters in two.
    """
    if b"=?" not in value:
        return raw_text(value)
    joined = _BETWEEN.sub(rb"\1", value)
    parts: list[str] = []
    pending, charset, position = b"", b"", 0
    for word in _WORD.finditer(joined):
        octets = _octets(word[2], word[3])
        if octets is None:
            continue
        if pending and (word.start() > position or word[1].lower() != charset):
            parts.append(charset_text(pending, charset))
            pending = b""
        parts.append(raw_text(joined[position : word.start()]))
        pending, charset, position = pending + octets, word[1].lower(), word.end()
    parts.append(charset_text(pending, charset))
    parts.append(raw_text(joined[position:]))
    return "".join(parts)


def raw_text(octets: bytes) -> str:
    """UTF-8 if it is, be it cut short, else Windows-1252, as unlabelled 8-bit mail mostly is."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        cut = error.end == len(octets) and error.reason == "unexpected end of data"
        # A last octet of Windows-1252 looks cut too, but not behind whole characters of UTF-8.
        if cut and not octets[: error.start].isascii():
            return octets.decode("utf-8", "replace")
        return octets.decode("cp1252", "replace")


def charset_text(octets: bytes, charset: bytes) -> str:
    """The octets in a named charset, U+FFFD for what is broken; an unknown one is guessed."""
    name = charset.partition(b"*")[0].decode("ascii", "replace").strip().lower()
    if name in _UNNAMED:
        return raw_text(octets)
    try:
        codec = codecs.lookup(name)
        if not codec._is_text_encoding or codec.name in _NO_CHARSETS:
            return raw_text(octets)
        codec = codecs.lookup(_WIDER.get(codec.name, codec.name))
        text = codec.decode(octets, "replace")[0]
        # UTF-8 has no halves, and most mail is written in it.
        return text if codec.name == "utf-8" else _SURROGATE.sub("\ufffd", text)
    except (LookupError, ValueError, UnicodeError):
        return raw_text(octets)


def _octets(kind: bytes, text: bytes) -> bytes | None:
    if kind in b"qQ":
        return quopri.decodestring(text.replace(b"_", b"=20"))
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
