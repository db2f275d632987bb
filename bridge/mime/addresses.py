"""Address lists (RFC 5322 §3.4), obsolete and broken forms included: never raising, linear."""

import re
from dataclasses import dataclass, field

from bridge.mime.parameters import skip_comment

MAX_ADDRESSES = 10_000
MAX_TOKENS = 20_000
"""Of one field, outside of plain addresses: a token costs a microsecond, and nobody writes so."""

_DOTS = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]++"
_PLAIN = re.compile(
    rb"[ \t]*+(?:(?:(%b(?: %b)*+)|\"([^\"\\\r\n]*+)\")?+[ \t]*+<(%b)@(%b)>|(%b)@(%b))"
    rb"[ \t]*+(?:,|\Z)" % ((_DOTS,) * 6)
)
"""What nearly all addresses are, with their end; the rest is read token by token."""

_ATOM = re.compile(rb"[^\x00-\x20()<>\[\]:;@\\,\"]+|[\x00-\x1f\\\]]")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)(?:"|\Z)', re.DOTALL)
_LITERAL = re.compile(rb"\[[^\]]*\]?")
_SPACE = re.compile(rb"[ \t\r\n]+")
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n")
_ROUTE = re.compile(rb"([\s,]*+@(?:[^<>:;\"()]|\([^()]*+\))*+):")
_COMMENT = re.compile(rb"\([^()]*+\)")

Token = tuple[bytes, bytes]
"""(kind, text): kind "a" atom, "q" quoted, "s" space, "(" comment, else the special."""


@dataclass(frozen=True, slots=True)
class Address:
    """The four fields of an ENVELOPE address (RFC 9051 §7.5.2).

    A group opens with `host` None and its name in `mailbox`, and closes with both None.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Address(None, None, None, None)


@dataclass(slots=True)
class _Element:
    """What stands between two commas: tokens before angles and in them.

    `loose` is what follows the angles of another address: words there are no address.
    """

    before: list[Token] = field(default_factory=list)
    inner: list[Token] | None = None
    closed: bool = False
    route: bytes | None = None
    comment: bytes = b""
    loose: bool = False


def parse(value: bytes) -> tuple[Address, ...]:
    """The addresses of a field's value on one line, in order."""
    reader = _Reader()
    position = tokens = 0
    while position < len(value) and len(reader.found) < MAX_ADDRESSES and tokens < MAX_TOKENS:
        if reader.between and (plain := _PLAIN.match(value, position)) is not None:
            reader.found.append(_plain(plain))
            position = plain.end()
            continue
        tokens += 1
        position, kind, text = _token(value, position)
        reader.take(kind, text)
        if kind == b"<" and (route := _ROUTE.match(value, position)) is not None:
            reader.route(route[1])
            position = route.end()
    return reader.finish()


def _plain(found: re.Match[bytes]) -> Address:
    words, quoted, mailbox, host, bare, its_host = found.groups()
    name = words or (quoted or b"").strip(b" \t") or None
    return Address(name, None, mailbox or bare, host or its_host)


def _token(value: bytes, position: int) -> tuple[int, bytes, bytes]:
    """(position behind, kind, text)."""
    first = value[position : position + 1]
    if first == b"(":
        end = skip_comment(value, position)
        inner = value[position + 1 : end - 1 if value[end - 1 : end] == b")" else end]
        return end, b"(", _FOLD.sub(b"", _PAIR.sub(rb"\1", inner))
    if first == b'"' and (found := _QUOTED.match(value, position)):
        return found.end(), b"q", _FOLD.sub(b"", _PAIR.sub(rb"\1", found[1]))
    if first == b"[" and (found := _LITERAL.match(value, position)):
        return found.end(), b"a", found[0]
    if found := _SPACE.match(value, position):
        return found.end(), b"s", b" "
    if found := _ATOM.match(value, position):
        return found.end(), b"a", found[0]
    return position + 1, first, first


class _Reader:
    """Takes tokens and makes addresses of them."""

    def __init__(self) -> None:
        self.found: list[Address] = []
        self.between = True
        self._element = _Element()
        self._in_group = False

    def take(self, kind: bytes, text: bytes) -> None:
        """The next token."""
        self.between = False
        element = self._element
        if kind in (b",", b";"):
            self._next()
            self._close_group(kind == b";")
        elif kind == b"<":
            self._open()
        elif kind == b":" and element.inner is None:
            self._open_group()
        elif kind == b"(" and element.closed:
            element.comment = text
        elif element.inner is None or element.closed:
            self._take_word(kind, text)
        elif kind == b">":
            element.closed = True
        else:
            element.inner.append((kind, text))

    def route(self, text: bytes) -> None:
        """The source route that opens what is in angles (RFC 5322 §4.4 "obs-route")."""
        domains = b"".join(_COMMENT.sub(b"", text).split()).split(b",")
        self._element.route = b",".join(filter(None, domains))

    def finish(self) -> tuple[Address, ...]:
        """All addresses, once there are no more tokens."""
        self._next()
        self._close_group(True)
        return tuple(self.found)

    def _next(self, *, loose: bool = False) -> None:
        _finish(self._element, self.found)
        self._element = _Element(loose=loose)
        self.between = not loose

    def _take_word(self, kind: bytes, text: bytes) -> None:
        if kind in (b">", b")", b":"):
            # They close nothing, and no word has them (RFC 5322 §3.2.3 "specials").
            kind, text = b"s", b" "
        if self._element.closed and kind != b"s":
            self._next(loose=True)
        self._element.before.append((kind, text))

    def _open(self) -> None:
        element = self._element
        if element.inner is not None and (element.closed or _text(element.inner)):
            self._next(loose=True)
        self._element.inner = []

    def _open_group(self) -> None:
        name = _text(self._element.before)
        if self._in_group and not name:
            self._element.before.clear()
            return
        self._close_group(True)
        self._in_group = True
        self.found.append(Address(None, None, name, None))
        self._element = _Element()
        self.between = True

    def _close_group(self, ends: bool) -> None:
        if ends and self._in_group:
            self.found.append(GROUP_END)
            self._in_group = False


def _text(tokens: list[Token], dots: bytes = b"") -> bytes:
    """The tokens' text; a run of white space and comments is one space (RFC 5322 §3.2.2).

    None is left at the ends, nor around `dots`, where it means nothing.
    """
    pieces: list[bytes] = []
    gap = False
    for kind, text in tokens:
        if kind in (b"s", b"("):
            gap = True
            continue
        if gap and pieces and not (dots and (pieces[-1][-1:] in dots or text[:1] in dots)):
            pieces.append(b" ")
        pieces.append(text)
        gap = False
    return b"".join(pieces).strip(b" \t")


def _finish(element: _Element, into: list[Address]) -> None:
    if element.inner is None:
        _finish_bare(element, into)
        return
    name = _text(element.before) or element.comment.strip() or None
    inner = element.inner
    colons = [n for n, (kind, _) in enumerate(inner) if kind == b":"]
    # No address has a colon outside of quotes: a scheme is before it ("mailto:").
    mailbox, host = _split(inner[colons[-1] + 1 :] if colons else inner)
    if name or mailbox or host:
        into.append(Address(name, element.route, mailbox, host))


def _split(tokens: list[Token]) -> tuple[bytes, bytes]:
    """(mailbox, host) around the last at sign; without one the host is b"".

    Without a host clients would take it for the start of a group (RFC 9051 §7.5.2).
    """
    at = next((n for n in range(len(tokens) - 1, -1, -1) if tokens[n][0] == b"@"), len(tokens))
    return _text(tokens[:at], b".@"), _text(tokens[at + 1 :], b".")


def _finish_bare(element: _Element, into: list[Address]) -> None:
    """Addresses without angles: words before one are its name, a comment behind it too."""
    words: list[bytes] = []
    named = False
    for run, comment in _runs(element.before):
        if any(kind == b"@" for kind, _ in run):
            mailbox, host = _split(run)
            name = b" ".join(words) or comment.strip() or None
            into.append(Address(name, None, mailbox, host))
            words, named = [], True
        else:
            words.append(_text(run, b"."))
            last, its_comment = run, comment
    if named or element.loose or not any(words):
        return
    if len(words) > 1 or last[0][0] == b"q":
        # A phrase is a name (RFC 3501 §7.4.2).
        into.append(Address(b" ".join(words), None, b"", b""))
    else:
        into.append(Address(its_comment.strip() or None, None, words[0], b""))


def _runs(tokens: list[Token]) -> list[tuple[list[Token], bytes]]:
    """(words, the last comment behind them) for each run that may be one address.

    White space divides words but around dots and at signs (RFC 5322 §4.4 "obs-local-part").
    """
    runs: list[tuple[list[Token], bytes]] = []
    gap = True
    for kind, text in tokens:
        if kind == b"(" and runs:
            runs[-1] = (runs[-1][0], text)
        if kind in (b"s", b"("):
            gap = True
            continue
        joins = runs and (
            not gap or kind == b"@" or text[:1] == b"." or runs[-1][0][-1][1][-1:] in b".@"
        )
        if joins:
            runs[-1][0].append((kind, text))
        else:
            runs.append(([(kind, text)], b""))
        gap = False
    return runs
