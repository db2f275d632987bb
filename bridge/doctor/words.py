"""Addresses and times in the words of findings. Pure."""

from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from bridge.model.policy import period


def place_of(url: str) -> tuple[str, int]:
    """Host, without brackets, and port of a listener."""
    found = urlsplit(url)
    return found.hostname or "", found.port or 0


def is_everywhere(host: str) -> bool:
    """Whether a listener there hears every network of the machine."""
    return host in ("0.0.0.0", "::", "*")


def is_local(host: str) -> bool:
    """Whether only this machine reaches a listener there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def day(moment: datetime) -> str:
    """The date, as people write it for a machine."""
    return f"{moment:%Y-%m-%d}"


def count(number: int, thing: str) -> str:
    """ "1 message", "2 messages"."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago it was."""
    return f"{period(max(0.0, (now - moment).total_seconds()))} ago"


def listed(words: "list[str] | tuple[str, ...] | frozenset[str]", most: int = 6) -> str:
    """Some of them, joined."""
    chosen = sorted(words) if isinstance(words, frozenset) else list(words)
    more = len(chosen) - most
    return ", ".join(chosen[:most]) + (f" and {more} more" if more > 0 else "")
