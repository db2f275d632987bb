"""ENVELOPE as the octets to send (RFC 9051 §7.5.2)."""

from collections.abc import Iterable

from bridge.imap.serialize import nstring
from bridge.mime import addresses
from bridge.mime.addresses import Address
from bridge.mime.headers import Field

_ADDRESSED = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
_WANTED = frozenset({*_ADDRESSED, b"date", b"subject", b"in-reply-to", b"message-id"})


def collect(fields: Iterable[Field]) -> dict[bytes, bytes]:
    """The unfolded values of the fields that ENVELOPE shows; repeated address fields joined."""
    found: dict[bytes, list[bytes]] = {}
    for entry in fields:
        if entry.name in _WANTED:
            found.setdefault(entry.name, []).append(entry.value)
    return {
        name: b", ".join(values) if name in (b"to", b"cc", b"bcc") else values[0]
        for name, values in found.items()
    }


def parse_lists(values: dict[bytes, bytes]) -> dict[bytes, tuple[Address, ...]]:
    """The address fields among `collect`'s values."""
    return {name: addresses.parse(values[name]) for name in _ADDRESSED if name in values}


def write(values: dict[bytes, bytes], lists: dict[bytes, tuple[Address, ...]]) -> bytes:
    """The parenthesized ENVELOPE; Sender and Reply-To fall back to From."""
    sender = _write_list(lists.get(b"from", ()))
    return b"(%b)" % b" ".join(
        (
            nstring(values.get(b"date")),
            nstring(values.get(b"subject")),
            sender,
            _write_list(lists[b"sender"]) if lists.get(b"sender") else sender,
            _write_list(lists[b"reply-to"]) if lists.get(b"reply-to") else sender,
            _write_list(lists.get(b"to", ())),
            _write_list(lists.get(b"cc", ())),
            _write_list(lists.get(b"bcc", ())),
            nstring(values.get(b"in-reply-to")),
            nstring(values.get(b"message-id")),
        )
    )


def envelope(fields: Iterable[Field]) -> bytes:
    """The ENVELOPE of a header."""
    values = collect(fields)
    return write(values, parse_lists(values))


def _write_list(found: tuple[Address, ...]) -> bytes:
    if not found:
        return b"NIL"
    return b"(%b)" % b"".join(
        b"(%b %b %b %b)" % (nstring(a.name), nstring(a.route), nstring(a.mailbox), nstring(a.host))
        for a in found
    )
