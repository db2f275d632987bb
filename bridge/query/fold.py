"""Text as searches and sorts compare it: i;unicode-casemap (RFC 5051 §2)."""

import codecs
import unicodedata
from collections.abc import Iterator

MAX_PIECE_CHARACTERS = 256
"""Normalised at once: putting a run of combining marks in order takes the square of its length."""

SECTION_END = b"\0"
"""In a message's search text: what is behind it is no body (RFC 9051 §6.4.4 BODY, TEXT)."""

_ASCII = bytes(range(0x80))
_PASS_OCTETS = 50
"""A pass over so many octets costs as much as one octet that is taken run by run, and to find the
runs costs two passes: measured, and right within a factor of two."""

_BEYOND_ASCII = "popbridge.beyond-ascii"
_CACHED_CHARACTERS = 8
_CACHED_RUNS = 5000
"""Single letters among ASCII ones, and the short words of other scripts, are worked out once."""


class _Titles(dict[int, str]):
    """Code point to its one-character titlecase form, worked out when first met."""

    def __missing__(self, point: int) -> str:
        letter = chr(point)
        title = letter.title()
        # RFC 5051 uses the simple mapping: one character stays one.
        found = title if len(title) == 1 else letter
        self[point] = found
        return found


class _Runs(dict[str, bytes]):
    """Text without ASCII to its folded form; short ones are remembered."""

    def __missing__(self, run: str) -> bytes:
        found = b"".join(map(_fold_piece, _pieces(run)))
        if len(run) <= _CACHED_CHARACTERS and len(self) < _CACHED_RUNS:
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
    A language's few letters are replaced in all of the text, one after the other; what has many,
    or has them here and there only, is taken run by run.
    """
    octets = text.encode("utf-8", "replace").upper()
    if len(octets) == len(text):
        return octets
    beyond = octets.translate(None, _ASCII)
    letters = set(beyond.decode())
    few = (len(letters) - 2) * len(octets) <= _PASS_OCTETS * len(beyond)
    if not few or not all(map(_LETTERS.__getitem__, letters)):
        return octets.decode().encode("ascii", _BEYOND_ASCII)
    for letter in letters:
        written = letter.encode()
        if _LETTERS[letter] != written:
            # Takes half as long as `replace`, which looks for all of them twice.
            octets = _LETTERS[letter].join(octets.split(written))
    return octets


def _fold_run(error: UnicodeError) -> tuple[bytes, int]:
    """What the ASCII codec puts in the place of a run that it can't encode: its folded form.

    The codec finds the runs several times faster than a pattern.
    """
    assert isinstance(error, UnicodeEncodeError)
    end = error.end
    return _RUNS[error.object[error.start : end]], end


codecs.register_error(_BEYOND_ASCII, _fold_run)


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
