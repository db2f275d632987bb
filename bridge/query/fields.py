"""Header fields as searches read them: decoded, folded, and addresses as ENVELOPE has them too.

What most searches ask for is worked out when a message comes, so that one statement of the store
finds it in all of a mailbox.
"""

import re
from collections.abc import Iterable, Sequence

from bridge.mime import addresses, words
from bridge.mime.headers import MAX_FIELDS, Field
from bridge.model.search import TEXT_FIELDS
from bridge.query.fold import fold_field

ADDRESSED = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
BETWEEN_READINGS = b"\0"
"""In the texts that are kept; what a client looks for is not found across it."""

_AS_SHOWN = re.compile(
    rb"(?:(?:\A|, )[A-Za-z0-9]++(?: [A-Za-z0-9]++)*+ <[A-Za-z0-9._+-]++@[A-Za-z0-9.-]++>)++\Z"
)
"""Addresses that ENVELOPE has just as they are written, as most are."""

MAX_TEXT_OCTETS = 32 << 10
"""Of fields as they came; beyond it a message's texts aren't kept, but read when searched."""


def readings(values: Sequence[bytes], name: bytes) -> list[bytes]:
    """The folded texts in which a search of the field `name` looks; none where it isn't there.

    Args:
        values: of all fields of that lower-case name, each on one line.
        name: in lower case.
    """
    found = [fold_field(words.decode(value)) for value in values]
    if name in ADDRESSED and found and not (len(values) == 1 and _AS_SHOWN.match(values[0])):
        form = _envelope_form(values)
        if not any(form in text for text in found):
            found.append(form)
    return found


def kept_texts(fields: Sequence[Field]) -> tuple[bytes | None, ...]:
    """The readings of each of `TEXT_FIELDS`, None where it isn't there.

    Nothing at all for what nobody writes: then they are to be read out of the header.
    """
    if len(fields) > MAX_FIELDS:
        return ()
    found: dict[bytes, list[bytes]] = {name: [] for name in TEXT_FIELDS}
    octets = 0
    for field in fields:
        if field.name in found:
            found[field.name].append(field.value)
            octets += len(field.raw)
    if octets > MAX_TEXT_OCTETS:
        return ()
    return tuple(_kept(readings(values, name)) for name, values in found.items())


def _kept(texts: Iterable[bytes]) -> bytes | None:
    found = list(texts)
    return BETWEEN_READINGS.join(found) if found else None


def _envelope_form(values: Sequence[bytes]) -> bytes:
    """Addresses as ENVELOPE has them (RFC 3501 §6.4.4 FROM)."""
    return fold_field(
        ", ".join(
            f"{words.decode(one.name or b'')} "
            f"<{words.raw_text(one.mailbox or b'')}@{words.raw_text(one.host or b'')}>"
            for one in addresses.parse(b", ".join(values))
        )
    )
