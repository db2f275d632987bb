"""What two servers say of the same messages, item by item."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.corpus.build import Odd
from tests.differential.peers import Peer
from tests.differential.responses import Value
from tests.differential.structure import Items, Places, envelope, places, without_extensions

WHOLE = (
    "BODY[]",
    "BODY[HEADER]",
    "BODY[TEXT]",
    "BODY[HEADER.FIELDS (SUBJECT FROM DATE X-ODD CONTENT-TYPE)]",
    "BODY[HEADER.FIELDS.NOT (SUBJECT TO RECEIVED)]",
    "BODY[HEADER.FIELDS (X-NOBODY-HAS-THIS)]",
)
BASICS = ("RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE")
ITEMS = 100
"""Items in one FETCH; popbridge takes 200."""

_BARE_LF = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Difference:
    """Both values of one item of one message."""

    message: str
    item: str
    ours: Value
    theirs: Value


class Absent(str):
    """What a server says that doesn't have the item."""


ABSENT = Absent("(no such item)")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one server says of one message: its parts, its other items, its sections."""

    places: Places
    items: Items
    sections: Items


def basics(peer: Peer) -> dict[int, Items]:
    """What is asked of every message in one command."""
    sections = [name.replace("BODY[", "BODY.PEEK[", 1) for name in WHOLE]
    answer = peer.ask(f"FETCH 1:* ({' '.join((*BASICS, *sections))})".encode())
    assert answer.ok, answer.tagged
    return answer.items


def seen(found: Items) -> Seen:
    """An answer to `basics` taken apart."""
    structure = places(found["BODYSTRUCTURE"])
    body = "agrees" if places(found["BODY"]) == without_extensions(structure) else "differs"
    items: Items = {"RFC822.SIZE": found["RFC822.SIZE"], "BODY and BODYSTRUCTURE": body}
    date = found["INTERNALDATE"]
    assert isinstance(date, bytes)
    # A day below ten may have a space or a zero in front (RFC 3501 §9 "date-day-fixed").
    items["INTERNALDATE"] = re.sub(rb"\A ", b"0", date)
    items |= {f"ENVELOPE {name}": value for name, value in envelope(found["ENVELOPE"]).items()}
    return Seen(structure, items, {name: found[name] for name in WHOLE})


def sections(structure: Places) -> Iterator[str]:
    """The sections that a structure's parts have."""
    for number, items in structure.items():
        if not number or number.endswith("."):
            continue
        yield f"BODY[{number}]"
        yield f"BODY[{number}.MIME]"
        if items.get("opened") == "True":
            yield from (f"BODY[{number}.{text}]" for text in ("HEADER", "TEXT"))
            yield f"BODY[{number}.HEADER.FIELDS (SUBJECT FROM)]"
            yield f"BODY[{number}.HEADER.FIELDS.NOT (SUBJECT FROM)]"


def missing(structure: Places) -> Iterator[str]:
    """Sections that a message without such parts can't have (RFC 3501 §6.4.5)."""
    for number, items in structure.items():
        if number.endswith(".") or not number or "parts" in items:
            continue
        if items.get("opened") != "True":
            yield from (f"BODY[{number}.{text}]" for text in ("1", "HEADER", "TEXT"))
    tops = [int(number) for number in structure if number.isdecimal()]
    yield from (f"BODY[{max(tops) + 1}]", f"BODY[{max(tops) + 1}.MIME]")


def fetch(peer: Peer, number: int, names: Iterable[str]) -> Items:
    """Sections of one message."""
    asked = [name.replace("BODY[", "BODY.PEEK[", 1) for name in names]
    found: Items = {}
    for start in range(0, len(asked), ITEMS):
        answer = peer.ask(f"FETCH {number} ({' '.join(asked[start : start + ITEMS])})".encode())
        assert answer.ok, answer.tagged
        found.update(answer.items.get(number, {}))
    return found


def partials(found: Items) -> dict[str, Value]:
    """Asked name to what must come: odd offsets, ends and beyond the end.

    No two of a section begin at one offset, as the answer doesn't say the length asked for.
    """
    asked: dict[str, Value] = {}
    for name, value in found.items():
        octets = value if isinstance(value, bytes) else b""
        size = len(octets)
        counts = {size + 1000: 9, size: 5, max(size - 3, 0): 50, 5: 1000, 0: 7}
        for start, count in counts.items():
            part = octets[start : start + count]
            asked[f"{name}<{start}.{count}>"] = part if value is not None else None
    return asked


def contradictions(odd: Odd, seen: Seen) -> Iterator[Difference]:
    """Where one server's items don't fit together (RFC 3501 §6.4.5, §7.4.2)."""
    sections = seen.sections
    if seen.items["BODY and BODYSTRUCTURE"] != "agrees":
        yield Difference(odd.name, "BODY and BODYSTRUCTURE", "differs", "agrees")
    whole = sections["BODY[]"]
    size = seen.items["RFC822.SIZE"]
    if size != _length(whole):
        yield Difference(odd.name, "RFC822.SIZE", size, _length(whole))
    if joined(sections, "") != whole:
        yield Difference(odd.name, "HEADER and TEXT", joined(sections, ""), whole)
    for place, items in seen.places.items():
        if not place or place.endswith("."):
            continue
        octets = sections[f"BODY[{place}]"]
        for name in (f"BODY[{place}]", f"BODY[{place}.MIME]"):
            if sections[name] is None:
                yield Difference(odd.name, f"{name} of BODYSTRUCTURE", None, "some octets")
        if items.get("size", _length(octets)) != _length(octets):
            yield Difference(odd.name, f"{place} size", items["size"], _length(octets))
        if "lines" in items and isinstance(octets, bytes) and items["lines"] != octets.count(b"\n"):
            yield Difference(odd.name, f"{place} lines", items["lines"], octets.count(b"\n"))
        # An encoded message has a header and a text only when decoded.
        plain = items.get("encoding") in (b"7bit", b"8bit", b"binary")
        if plain and items.get("opened") == "True" and joined(sections, f"{place}.") != octets:
            yield Difference(
                odd.name, f"{place} HEADER and TEXT", joined(sections, f"{place}."), octets
            )


def joined(sections: Items, prefix: str) -> Value:
    """HEADER and TEXT of the message with that prefix, one after the other."""
    header, text = sections[f"BODY[{prefix}HEADER]"], sections[f"BODY[{prefix}TEXT]"]
    if isinstance(header, bytes) and isinstance(text, bytes):
        return header + text
    return None


def _length(value: Value) -> int:
    return len(value) if isinstance(value, bytes) else 0


def differences(odd: Odd, ours: Seen, theirs: Seen) -> Iterator[Difference]:
    """Where the two differ. Parts that only one of them has count together as one difference."""
    if ours.places.keys() != theirs.places.keys():
        yield Difference(odd.name, "parts", _outline(ours.places), _outline(theirs.places))
    one, other = _flat(ours), _flat(theirs)
    for item in sorted(one.keys() & other.keys()):
        mine, yours = one[item], other[item]
        if odd.bare_lf:
            if item.endswith(("size", "lines", "SIZE")):
                continue
            mine, yours = _crlf(mine), _crlf(yours)
        if mine != yours:
            yield Difference(odd.name, item, mine, yours)


def _outline(found: Places) -> Value:
    return tuple((place, found[place]["type"]) for place in sorted(found))


def _flat(one: Seen) -> Items:
    """All items by name; a part's size only where it isn't that of its section."""
    flat = one.items | one.sections
    for place, items in one.places.items():
        section = one.sections.get(f"BODY[{place}]")
        for name, value in items.items():
            if name == "size" and isinstance(section, bytes) and len(section) == value:
                value = "that of its section"
            flat[f"{place or 'whole'} {name}"] = value
    return flat


def _crlf(value: Value) -> Value:
    return _BARE_LF.sub(b"\r\n", value) if isinstance(value, bytes) else value
