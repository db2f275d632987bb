"""What an account holds, as another client sees it on a connection of its own."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.parser import BytesHeaderParser

from imapclient import IMAPClient

UNTIL_S = 120
RECENT = b"\\Recent"
"""Belongs to whoever looks first; no part of what a mailbox must be."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message as it stands in a mailbox."""

    message_id: str
    sha256: str
    flags: frozenset[str] = frozenset()

    @classmethod
    def of(cls, octets: bytes, *flags: str) -> "Held":
        """What a message of these octets must be."""
        message_id = BytesHeaderParser().parsebytes(octets).get("Message-ID", "")
        return cls(message_id, hashlib.sha256(octets).hexdigest(), frozenset(flags))

    def flagged(self, *flags: str) -> "Held":
        """With these flags too."""
        return replace(self, flags=self.flags | set(flags))


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox: its UIDVALIDITY, and its messages by UID."""

    uidvalidity: int
    messages: Mapping[int, Held]


def look(client: IMAPClient) -> dict[str, Box]:
    """All mailboxes by name, seen without a trace."""
    found = {}
    for _, _, name in client.list_folders():
        selected = client.select_folder(name, readonly=True)
        uids = client.search()
        answer = client.fetch(uids, ["FLAGS", "BODY.PEEK[]"]) if uids else {}
        assert len(answer) == selected[b"EXISTS"]
        found[name] = Box(
            selected[b"UIDVALIDITY"],
            {
                uid: Held.of(
                    items[b"BODY[]"],
                    *(flag.decode() for flag in items[b"FLAGS"] if flag != RECENT),
                )
                for uid, items in sorted(answer.items())
            },
        )
    return found


def until(client: IMAPClient, expected: Mapping[str, Mapping[int, Held]]) -> dict[str, int]:
    """Waits until the account holds exactly this: a program may answer before all is done.

    Returns:
        Each mailbox's UIDVALIDITY.
    """
    deadline = time.monotonic() + UNTIL_S
    while True:
        boxes = look(client)
        found = {name: dict(box.messages) for name, box in boxes.items()}
        if found == expected or time.monotonic() > deadline:
            assert found == expected
            return {name: box.uidvalidity for name, box in boxes.items()}
