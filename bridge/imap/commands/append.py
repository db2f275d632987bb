"""APPEND (RFC 9051 §6.3.12), of several messages too (RFC 3502)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.imap.framing import Piece, Streamed
from bridge.imap.grammar import Cursor, SyntaxFault, parse_flags

_SPACES = re.compile(rb" *\Z")


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """What is said of one message; its octets were streamed before."""

    flags: frozenset[str]
    date: datetime | None


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
    messages = [_message(cursor)]
    while cursor.skip(b" "):
        # Spaces at the end of a command are let pass.
        cursor.try_match(_SPACES)
        if cursor.at_end():
            break
        messages.append(_message(cursor))
    return Append(mailbox, tuple(messages))


def _message(cursor: Cursor) -> AppendMessage:
    message = _options(cursor)
    if not isinstance(cursor.message_literal(), Streamed):
        raise SyntaxFault("Expected the message as a literal")
    return message


def _options(cursor: Cursor) -> AppendMessage:
    """What stands before the literal, with the space that ends it."""
    flags: frozenset[str] = frozenset()
    date = None
    if cursor.peek(b"("):
        flags = parse_flags(cursor)
        cursor.space()
    if cursor.peek(b'"'):
        date = cursor.date_time()
        cursor.space()
    return AppendMessage(flags, date)


def append_target(pieces: Sequence[Piece]) -> AppendTarget | None:
    """Where an APPEND wants to go whose next message is announced; None for any other literal."""
    cursor, before = Cursor(pieces), 0
    try:
        cursor.tag()
        cursor.space()
        if cursor.word() != "APPEND":
            return None
        mailbox = cursor.mailbox_argument()
        cursor.space()
        message = _options(cursor)
        while not cursor.at_end():
            if not isinstance(cursor.message_literal(), Streamed):
                return None
            before += 1
            cursor.space()
            message = _options(cursor)
    except SyntaxFault:
        return None
    return AppendTarget(mailbox, message, before)
