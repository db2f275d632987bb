"""REPLACE (RFC 8508)."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.imap.commands.append import AppendMessage, AppendTarget, parse_message, parse_options
from bridge.imap.framing import Piece
from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.imap.mode import REV1, Mode
from bridge.model.numset import NumSet


@dataclass(frozen=True, slots=True)
class Replace:
    """REPLACE, or UID REPLACE: `number` is of one message, and may be "*"."""

    number: NumSet
    uid: bool
    mailbox: str
    message: AppendMessage


@dataclass(frozen=True, slots=True)
class ReplaceTarget:
    """Where a message that is announced wants to go, and which one it replaces."""

    number: NumSet
    uid: bool
    append: AppendTarget


def parse_replace(cursor: Cursor, *, uid: bool) -> Replace:
    """The arguments of REPLACE."""
    number = _number(cursor)
    mailbox = cursor.mailbox_argument()
    cursor.space()
    return Replace(number, uid, mailbox, parse_message(cursor))


def replace_target(pieces: Sequence[Piece], mode: Mode = REV1) -> ReplaceTarget | None:
    """What a REPLACE wants whose message is announced; None for any other literal."""
    cursor = Cursor(pieces, mode)
    try:
        cursor.tag()
        cursor.space()
        uid = cursor.skip(b"UID ")
        if cursor.word() != "REPLACE":
            return None
        number = _number(cursor)
        mailbox = cursor.mailbox_argument()
        cursor.space()
        message = parse_options(cursor)
    except SyntaxFault:
        return None
    # There may be no second one (RFC 8508 §4.7); who announces it is told so.
    return ReplaceTarget(number, uid, AppendTarget(mailbox, message, int(not cursor.at_end())))


def _number(cursor: Cursor) -> NumSet:
    """SP seq-number, or a UID in its place (RFC 8508 §5)."""
    cursor.space()
    found = cursor.numset()
    if found.saved or len(found.ranges) != 1 or found.ranges[0][0] != found.ranges[0][1]:
        raise SyntaxFault("REPLACE takes one message")
    return found
