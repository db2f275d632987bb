"""BODY, BODYSTRUCTURE and ENVELOPE taken apart into items, in a normal form (RFC 3501 §7.4.2)."""

from tests.differential.responses import Value

Items = dict[str, Value]
Places = dict[str, Items]
"""Items by place: a part's number; for a message's own multipart "" or the prefix "2."."""

ENVELOPE = (
    *("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc"),
    *("in-reply-to", "message-id"),
)
EXTENSIONS = ("disposition", "language", "location")
PLACEHOLDERS = (b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"SYNTAX_ERROR")
"""No RFC has them: a host that isn't there can't be NIL, which would open a group (§7.4.2)."""

EXTENDED = frozenset({"md5", *EXTENSIONS})
"""What BODYSTRUCTURE has and BODY hasn't; of multiparts the parameters too."""


def envelope(value: Value) -> Items:
    """The ten fields; Sender and Reply-To are left out where they say no more than From."""
    assert isinstance(value, tuple)
    assert len(value) == len(ENVELOPE), value
    found = dict(zip(ENVELOPE, map(_addresses, value), strict=True))
    for name in ("sender", "reply-to"):
        if found[name] == found["from"]:
            found[name] = "as From"
    return found


def _addresses(value: Value) -> Value:
    """Addresses with an empty string for what Dovecot has a made-up word for."""
    if not isinstance(value, tuple):
        return value
    return tuple(
        tuple(b"" if field in PLACEHOLDERS else field for field in address)
        for address in value
        if isinstance(address, tuple)
    )


def places(value: Value) -> Places:
    """The parts of a BODY or BODYSTRUCTURE; iterative, as they nest deep."""
    assert isinstance(value, tuple)
    found: Places = {}
    waiting: list[tuple[tuple[Value, ...], str, bool]] = [(value, "", True)]
    while waiting:
        body, number, whole = waiting.pop()
        if isinstance(body[0], tuple):
            count = next(n for n, child in enumerate(body) if not isinstance(child, tuple))
            found[number] = _multipart(body[count:], count)
            prefix = number if whole else f"{number}."
            children = [child for child in body[:count] if isinstance(child, tuple)]
            waiting += [(child, f"{prefix}{n}", False) for n, child in enumerate(children, 1)]
            continue
        place = f"{number}1" if whole else number
        found[place], inner = _leaf(body)
        if inner is not None:
            waiting.append((inner, f"{place}.", True))
    return found


def without_extensions(found: Places) -> Places:
    """What BODY would say."""
    return {
        place: {
            name: value
            for name, value in items.items()
            if name not in EXTENDED and not ("parts" in items and name == "parameters")
        }
        for place, items in found.items()
    }


def _lower(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value.lower()


def _multipart(rest: tuple[Value, ...], count: int) -> Items:
    items: Items = {"type": (b"multipart", _lower(rest[0])), "parts": count}
    if len(rest) > 1:
        items["parameters"] = _parameters(rest[1], default_charset=False)
        items |= _extensions(rest[2:])
    return items


def _leaf(body: tuple[Value, ...]) -> tuple[Items, tuple[Value, ...] | None]:
    kind, subtype = map(_lower, body[:2])
    text = kind == b"text"
    message = kind == b"message" and len(body) > 7 and isinstance(body[7], tuple)
    items: Items = {
        "type": (kind, subtype),
        "parameters": _parameters(body[2], default_charset=text),
        "id": body[3],
        "description": body[4],
        "encoding": _lower(body[5]),
        "size": body[6],
        "opened": str(message),
    }
    rest, inner = body[7:], None
    if message:
        items |= {f"envelope {name}": value for name, value in envelope(rest[0]).items()}
        inner = rest[1]
        rest = rest[2:]
    if text or message:
        items["lines"] = rest[0]
        rest = rest[1:]
    if rest:
        items["md5"] = rest[0]
        items |= _extensions(rest[1:])
    assert inner is None or isinstance(inner, tuple)
    return items, inner


def _extensions(rest: tuple[Value, ...]) -> Items:
    assert len(rest) == len(EXTENSIONS), rest
    disposition, language, location = rest
    if isinstance(disposition, tuple):
        word, parameters = disposition
        disposition = (_lower(word), _parameters(parameters, default_charset=False))
    language = (language,) if isinstance(language, bytes) else language
    return {"disposition": disposition, "language": language, "location": location}


def _parameters(value: Value, *, default_charset: bool) -> Value:
    """Pairs with names in lower case, sorted, as their order means nothing (RFC 2045 §5.1).

    Text that names no charset is US-ASCII (RFC 2045 §5.2), said or unsaid.
    """
    flat = value if isinstance(value, tuple) else ()
    pairs = [(_lower(name), flat[n + 1]) for n, name in enumerate(flat) if n % 2 == 0]
    if default_charset and not any(name == b"charset" for name, _ in pairs):
        pairs.append((b"charset", b"us-ascii"))
    return tuple(sorted(pairs, key=lambda pair: pair[0]))
