"""APPEND (RFC 9051 §6.3.12), of several messages too (RFC 3502)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.imap.framing import Piece, Streamed
from bridge.imap.grammar import Cursor, SyntaxFault, parse_flags
from bridge.imap.mode import REV1, Mode

_SPACES = re.compile(rb" *\Z")


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """What is said of one message; its octets were streamed before."""

    flags: frozenset[str]
    date: datetime | None
    utf8: bool = False
    """Whether it stands in UTF8 (RFC 6855 §4), which says that its header may be UTF-8."""


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND; of the messages there is at least one."""

    mailbox: str
    messages: tuple[AppendMessage, ...]


@dataclass(frozen=True, slots=True)
class AppendTarget:
    """Where a message that is announced wants to go, and how many of the command came before."""

    mailbox: str
    message: AppendMessage
    before: int


def parse_append(cursor: Cursor) -> Append:
    """The arguments of APPEND."""
    mailbox = cursor.mailbox_argument()
    cursor.space()
    messages = [parse_message(cursor)]
    while cursor.skip(b" "):
        # Spaces at the end of a command are let pass.
        cursor.try_match(_SPACES)
        if cursor.at_end():
            break
        messages.append(parse_message(cursor))
    return Append(mailbox, tuple(messages))


def parse_message(cursor: Cursor) -> AppendMessage:
    """append-message (RFC 4466 §6), whose octets were streamed before."""
    message = parse_options(cursor)
    _literal(cursor, utf8=message.utf8)
    return message


def _literal(cursor: Cursor, *, utf8: bool) -> None:
    literal = cursor.message_literal()
    if not isinstance(literal, Streamed):
        raise SyntaxFault("Expected the message as a literal")
    if utf8:
        if not literal.binary:
            raise SyntaxFault("Expected a literal8 in UTF8 (...)")
        cursor.expect(b")")


def parse_options(cursor: Cursor) -> AppendMessage:
    """What stands before the literal, with the space that ends it."""
    flags: frozenset[str] = frozenset()
    date = None
    if cursor.peek(b"("):
        flags = parse_flags(cursor)
        cursor.space()
    if cursor.peek(b'"'):
        date = cursor.date_time()
        cursor.space()
    # Syntax: RFC 6855 §4 utf8-literal = "UTF8" SP "(" literal8 ")"
    utf8 = cursor.mode.utf8 and cursor.skip(b"UTF8 (")
    return AppendMessage(flags, date, utf8)


def append_target(pieces: Sequence[Piece], mode: Mode = REV1) -> AppendTarget | None:
    """Where an APPEND wants to go whose next message is announced; None for any other literal."""
    cursor, before = Cursor(pieces, mode), 0
    try:
        cursor.tag()
        cursor.space()
        if cursor.word() != "APPEND":
            return None
        mailbox = cursor.mailbox_argument()
        cursor.space()
        message = parse_options(cursor)
        while not cursor.at_end():
            _literal(cursor, utf8=message.utf8)
            before += 1
            cursor.space()
            message = parse_options(cursor)
    except SyntaxFault:
        return None
    return AppendTarget(mailbox, message, before)
