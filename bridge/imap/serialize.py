"""Values as the server writes them (RFC 9051 §9): the one encoder of strings, flags and dates."""

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from bridge.imap import mutf7

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*\Z")
_QUOTABLE_UTF8 = re.compile(rb"[^\0\r\n]*\Z")
_ATOM = re.compile(rb"[\x21\x23\x24\x26\x27\x2b-\x5b\x5e-\x7a\x7c-\x7e]+\Z")
MAX_QUOTED_OCTETS = 1000
"""Longer strings go as literals: clients with line limits (K-9: 980 octets) can read them."""

_SHORT_OCTETS = 24
"""Strings up to here are mostly those of the message before ("text", "utf-8"), and kept."""

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def string(octets: bytes) -> bytes:
    """A quoted string, or a literal where quoting can't carry the octets.

    NUL, which neither can carry, goes as 0x80.
    """
    return _short_string(octets) if len(octets) <= _SHORT_OCTETS else _string(octets)


def _string(octets: bytes) -> bytes:
    if len(octets) <= MAX_QUOTED_OCTETS and _QUOTABLE.match(octets):
        return _quoted(octets)
    return b"{%d}\r\n%b" % (len(octets), octets.replace(b"\0", b"\x80"))


_short_string = lru_cache(maxsize=2000)(_string)


def _quoted(octets: bytes) -> bytes:
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def nstring(octets: bytes | None) -> bytes:
    """A string, or NIL for None."""
    return b"NIL" if octets is None else string(octets)


def value(octets: bytes | None) -> bytes:
    """A metadata value (RFC 5464 §5): a literal8 where nothing else can carry NUL."""
    if octets is None or b"\0" not in octets:
        return nstring(octets)
    return b"~{%d}\r\n%b" % (len(octets), octets)


def astring(octets: bytes) -> bytes:
    """An atom where that is enough, else a string; the word NIL is always quoted."""
    return octets if _ATOM.match(octets) and octets.upper() != b"NIL" else string(octets)


def mailbox_name(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name: in UTF-8 for a client that has enabled it, else in modified UTF-7.

    UTF-8 is quoted (RFC 6855 §3, RFC 9051 §5.1): atoms can't carry it.
    """
    if not utf8:
        return astring(mutf7.encode(name))
    octets = name.encode()
    if name.isascii() or len(octets) > MAX_QUOTED_OCTETS or not _QUOTABLE_UTF8.match(octets):
        return astring(octets)
    return _quoted(octets)


def flag_list(flags: Iterable[str]) -> bytes:
    """Flags in parentheses, sorted, so that equal sets read equal."""
    return b"(%b)" % " ".join(sorted(flags)).encode("ascii")


def internal_date(moment: datetime) -> bytes:
    """A date-time in quotes, with its own zone; `moment` is aware."""
    offset = moment.utcoffset()
    assert offset is not None
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return b'"%2d-%b-%04d %02d:%02d:%02d %b%02d%02d"' % (
        moment.day,
        _MONTHS[moment.month - 1],
        moment.year,
        moment.hour,
        moment.minute,
        moment.second,
        b"-" if minutes < 0 else b"+",
        hours,
        rest,
    )


def base64_line(octets: bytes) -> bytes:
    """A challenge of AUTHENTICATE in base64, with its line end."""
    return base64.b64encode(octets) + b"\r\n"
