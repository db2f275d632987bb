"""Text as searches and sorts compare it: i;unicode-casemap (RFC 5051 §2)."""

import re
import unicodedata
from collections.abc import Iterator

MAX_PIECE_CHARACTERS = 256
"""Normalised at once: putting a run of combining marks in order takes the square of its length."""

SECTION_END = b"\0"
"""In a message's search text: what is behind it is no body (RFC 9051 §6.4.4 BODY, TEXT)."""

_ASCII = bytes(range(0x80))
_FEW_LETTERS = 16
"""As texts of most of Europe have: each is replaced in all of the text at once."""

_DENSE = 4
"""From one octet in so many beyond ASCII on, as in other scripts, text is taken as it comes."""

_BEYOND_ASCII = re.compile(rb"([\x80-\xff]+)")
_CACHED_OCTETS = 8
_CACHED_RUNS = 20_000
"""Single letters among ASCII ones are worked out once."""


class _Titles(dict[int, str]):
    """Code point to its one-character titlecase form, worked out when first met."""

    def __missing__(self, point: int) -> str:
        letter = chr(point)
        title = letter.title()
        # RFC 5051 uses the simple mapping: one character stays one.
        found = title if len(title) == 1 else letter
        self[point] = found
        return found


class _Runs(dict[bytes, bytes]):
    """UTF-8 without ASCII to its folded form; short ones are remembered."""

    def __missing__(self, run: bytes) -> bytes:
        found = b"".join(map(_fold_piece, _pieces(run.decode())))
        if len(run) <= _CACHED_OCTETS and len(self) < _CACHED_RUNS:
            self[run] = found
        return found


class _Letters(dict[str, bytes]):
    """A letter beyond ASCII to its folded form, b"" where that depends on what is beside it.

    It doesn't where the letter begins anew and its form folds to itself.
    """

    def __missing__(self, letter: str) -> bytes:
        found = _fold_piece(letter)
        if not _begins(letter) or _fold_piece(found.decode()) != found:
            found = b""
        self[letter] = found
        return found


_TITLES = _Titles()
_RUNS = _Runs()
_LETTERS = _Letters()


def fold(text: str) -> bytes:
    """The comparison form, in UTF-8: titlecased, then decomposed for compatibility.

    ASCII letters keep to themselves in both steps, so that only what is between them needs them.
    """
    octets = text.encode("utf-8", "replace").upper()
    beyond = octets.translate(None, _ASCII)
    if not beyond:
        return octets
    letters = set(beyond.decode())
    if len(letters) <= _FEW_LETTERS and all(map(_LETTERS.__getitem__, letters)):
        for letter in letters:
            octets = octets.replace(letter.encode(), _LETTERS[letter])
        return octets
    if len(beyond) * _DENSE > len(octets):
        return b"".join(map(_fold_piece, _pieces(text.encode("utf-8", "replace").decode())))
    parts = _BEYOND_ASCII.split(octets)
    parts[1::2] = map(_RUNS.__getitem__, parts[1::2])
    return b"".join(parts)


def fold_field(text: str) -> bytes:
    """As `fold`, with a run of white space as one space: how a field was folded means nothing."""
    return spaced(fold(text))


def spaced(folded: bytes) -> bytes:
    """Folded text with each run of spaces and tabs as one space."""
    folded = folded.replace(b"\t", b" ")
    while b"  " in folded:
        # Each time half as many are left, ten times as fast as a pattern.
        folded = folded.replace(b"  ", b" ")
    return folded


def _fold_piece(text: str) -> bytes:
    return unicodedata.normalize("NFKD", text.translate(_TITLES)).encode()


def _pieces(run: str) -> Iterator[str]:
    """The text cut where that changes nothing: before a character that begins anew.

    Combining marks are put in order up to the next such character, never beyond. Where none comes
    for hundreds of marks (Unicode's stream-safe text has thirty at most, UAX #15 §13) it is cut
    anyway: what is written so finds what is written so.
    """
    start = 0
    while len(run) - start > MAX_PIECE_CHARACTERS:
        end = start + MAX_PIECE_CHARACTERS
        cut = next((at for at in range(end, start, -1) if _begins(run[at])), end)
        yield run[start:cut]
        start = cut
    yield run[start:]


def _begins(letter: str) -> bool:
    """Whether the letter's decomposed form starts with no combining mark."""
    return not unicodedata.combining(unicodedata.normalize("NFKD", letter)[0])
