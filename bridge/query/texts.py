"""Whether one message's header or text has what a search looks for (RFC 9051 §6.4.4)."""

from collections.abc import Callable

from bridge.mime import headers, words
from bridge.mime.text import coded_fields, header_lines
from bridge.model.search import Header, Text
from bridge.query.fields import ADDRESSED, readings
from bridge.query.fold import SECTION_END, fold, fold_field

_BETWEEN_LETTERS = b' \t"\\<>,;:'


def wanted_in_field(value: bytes) -> bytes:
    """What a client looks for in fields, as `readings` are compared."""
    return fold_field(words.raw_text(value))


def header_test(key: Header) -> Callable[[bytes], bool]:
    """The test of a header; b"" asks for the field's presence."""
    wanted = wanted_in_field(key.value)
    word = _longest_word(wanted)
    name = key.name.upper()
    below = b"\n" + name
    between = key.name in ADDRESSED

    def test(header: bytes) -> bool:
        # Most headers are ruled out by a look for the name; that it is a field's is seen below.
        upper = header.upper()
        if below not in upper and not upper.startswith(name):
            return False
        if word and word not in upper and _reads_as_written(header, upper, word, between):
            return False
        values = headers.values(header, key.name)
        if not wanted:
            return bool(values)
        return any(wanted in text for text in readings(values, key.name))

    return test


def body_test(key: Text) -> Callable[[bytes], bool]:
    """The test of a message's folded text for BODY."""
    wanted = fold(words.raw_text(key.value))

    def test(text: bytes) -> bool:
        at = text.find(wanted)
        return at >= 0 and text.find(SECTION_END, 0, at) < 0

    return test


def text_test(key: Text) -> Callable[[bytes, bytes], bool]:
    """The test of a message's header and folded text for TEXT."""
    value = words.raw_text(key.value)
    wanted, in_field = fold(value), fold_field(value)
    # Folding, white space and encoding leave a word of plain ASCII as it is.
    word = _longest_word(in_field)

    def test(header: bytes, text: bytes) -> bool:
        if wanted in text or (in_field != wanted and in_field in text):
            return True
        if word and word not in header.upper():
            header = coded_fields(header)
            if not header:
                return False
        return in_field in fold_field(header_lines(header))

    return test


def _longest_word(wanted: bytes) -> bytes:
    """What must stand in one piece wherever `wanted` does; b"" if that can't be told."""
    return max(wanted.split(), key=len, default=b"") if wanted.isascii() else b""


def _reads_as_written(header: bytes, upper: bytes, word: bytes, between: bool) -> bool:
    """Whether a folded ASCII word that isn't in the header surely isn't in what its fields read.

    Where they may have encoded words or another charset that can't be told. `between` says that
    what may stand between the letters of an address doesn't count; comments may as well.
    """
    if b"=?" in header or not header.isascii():
        return False
    if not between:
        return True
    letters = word.translate(None, _BETWEEN_LETTERS)
    return b"(" not in upper and letters not in upper.translate(None, _BETWEEN_LETTERS + b"\r\n")
