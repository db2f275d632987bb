"""Annotations of mailboxes and of the server (RFC 5464 §3)."""

from dataclasses import dataclass

SPECIAL_USE_ENTRY = "/private/specialuse"
"""Of a mailbox: its special uses (RFC 6154 §4)."""

ADMIN_ENTRY = "/shared/admin"
"""Of the server: how to reach who runs it; no client sets it (RFC 5464 §6.2.2)."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """An entry as it was first written, and its value; names have no case."""

    entry: str
    value: bytes


@dataclass(frozen=True, slots=True)
class AnnotationChange:
    """An entry that was set or removed; `mailbox` is "" for the server's."""

    mailbox: str
    entry: str
    serial: int
