"""Dates of header fields (RFC 5322 §3.3, obsolete forms of §4.3), with their own zone."""

import re
from datetime import UTC, datetime, timedelta, timezone

_DATE = re.compile(
    rb"(?:[A-Za-z]{3,9}\s*,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,4})"
    rb"\s+(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2}))?\s*([+-]\d{4}|[A-Za-z]{1,5})?"
)
_DAY = re.compile(rb"(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{4}|\d\d)(?!\d)")
_COMMENT = re.compile(rb"\([^()]*\)")
_MONTHS = {
    m: n for n, m in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_ZONES = {
    b"EST": -5, b"EDT": -4, b"CST": -6, b"CDT": -5,
    b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7,
}  # fmt: skip
MAX_DATE_OCTETS = 1000


def parse(value: bytes) -> datetime | None:
    """The moment, aware, or None if it can't be read; an unknown zone counts as UTC."""
    found = _DATE.search(_COMMENT.sub(b" ", value[:MAX_DATE_OCTETS]))
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    number = int(year)
    if len(year) <= 3:
        number += 2000 if number < 50 else 1900
    try:
        return datetime(
            number,
            _MONTHS[month.lower()],
            int(day),
            int(hour),
            int(minute),
            min(int(second or 0), 59),
            tzinfo=_zone(zone or b""),
        )
    except (KeyError, ValueError):
        return None


def sent(value: bytes) -> datetime | None:
    """The sent date of RFC 5256 §2.2, or None: midnight UTC where only the day can be read."""
    found = parse(value)
    day = _DAY.search(_COMMENT.sub(b" ", value[:MAX_DATE_OCTETS])) if found is None else None
    return found if day is None else parse(b"%b %b %b 00:00:00" % day.groups())


def received(value: bytes) -> datetime | None:
    """The moment at the end of a Received field (RFC 5321 §4.4), behind its last semicolon."""
    return parse(value.rpartition(b";")[2])


def _zone(text: bytes) -> timezone:
    if text[:1] in (b"+", b"-"):
        hours, minutes = int(text[1:3]), int(text[3:5])
        offset = timedelta(hours=hours, minutes=minutes)
        if offset < timedelta(days=1) and minutes < 60:
            return timezone(-offset if text[:1] == b"-" else offset)
        return UTC
    return timezone(timedelta(hours=_ZONES.get(text.upper(), 0)))
