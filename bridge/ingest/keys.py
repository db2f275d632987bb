"""What SORT and THREAD compare (RFC 5256, RFC 5957), worked out once and folded for octet order."""

from datetime import UTC, datetime, timedelta

from bridge.mime import message_ids, words
from bridge.mime.addresses import Address
from bridge.query.fold import fold
from bridge.query.subject import base_subject

MAX_KEY_CHARACTERS = 2000
"""Of what is compared; nobody sees an order beyond that."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def subject(value: bytes) -> tuple[bytes, bool]:
    """(the base subject, whether it is a reply's or forward's) of an unfolded field."""
    base = base_subject(words.decode(value))
    return _key(base.text), base.reply


def address(found: tuple[Address, ...]) -> bytes:
    """The first address's mailbox (RFC 5256 §3 FROM)."""
    return _key(words.raw_text(found[0].mailbox or b"")) if found else b""


def display(found: tuple[Address, ...]) -> bytes:
    """What is shown of the first address: its name, else where it goes to (RFC 5957 §3)."""
    if not found:
        return b""
    first = found[0]
    name = _key(words.decode(first.name or b""))
    if name or first.mailbox is None:
        return name
    full = first.mailbox if first.host is None else first.mailbox + b"@" + first.host
    return _key(words.raw_text(full))


def ancestry(message_id: bytes, references: bytes, in_reply_to: bytes) -> bytes:
    """IDs, a line each: the message's own, which may be none, then what it refers to."""
    found = message_ids.references(references, in_reply_to)
    return b"\n".join((message_ids.own(message_id), *found))


def seconds(moment: datetime) -> int:
    """Since 1970; any zone, and years 1 and 9999 with it."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def _key(text: str) -> bytes:
    return fold(text[:MAX_KEY_CHARACTERS])
