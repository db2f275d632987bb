"""The oracle: every message that the provider ever accepted is readable over IMAP, octet by octet
(NUL as 0x80) and once, or still upstream; what a UID stood for never changes."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


class Broken(AssertionError):
    """A promise is broken."""


def shown(octets: bytes) -> bytes:
    """As IMAP sends them outside of literal8."""
    return octets.replace(b"\0", b"\x80")


@dataclass(frozen=True, slots=True)
class Seen:
    """INBOX as a client found it: its UIDVALIDITY and each UID's octets."""

    uidvalidity: int
    messages: Mapping[int, bytes]


@dataclass(slots=True)
class Oracle:
    """Knows all that one store and its provider have been through."""

    accepted: list[bytes] = field(default_factory=list)
    """In the order in which they came."""
    expunged: "Counter[bytes]" = field(default_factory=Counter)
    """By clients, on purpose."""
    looks: int = 0
    _uidvalidity: int | None = None
    _stood_for: dict[int, str] = field(default_factory=dict)

    def accept(self, octets: bytes) -> None:
        """The provider has taken a message in."""
        self.accepted.append(octets)

    def look(self, seen: Seen, upstream: Mapping[bytes, int], *, final: bool = False) -> None:
        """Judges what is here and what is upstream at one moment.

        Args:
            seen: what IMAP shows.
            upstream: how often the provider lists each octets.
            final: whether everything must be here by now.

        Raises:
            Broken: something is lost, doubled, partial, or has another UID.
        """
        self.looks += 1
        self._uids(seen)
        accepted = Counter(shown(one) for one in self.accepted)
        here = Counter(seen.messages.values())
        there = Counter({shown(octets): count for octets, count in upstream.items()})
        gone = Counter({shown(octets): count for octets, count in self.expunged.items()})
        for octets in here.keys() - accepted.keys():
            raise Broken(f"shown, but never sent: {octets[:200]!r} ({len(octets)} octets)")
        for octets, count in accepted.items():
            if here[octets] + gone[octets] > count:
                raise Broken(f"{here[octets]} times here, sent {count} times: {named(octets)}")
            held = here[octets] + gone[octets]
            if held + there[octets] < count or (final and held < count):
                raise Broken(
                    f"lost: {named(octets)}: here {here[octets]}, expunged {gone[octets]},"
                    f" upstream {there[octets]}, sent {count}"
                )

    def order(self, seen: Seen) -> None:
        """Judges the order of UIDs: that of the provider's listing.

        Raises:
            Broken: it is another one.
        """
        if [seen.messages[uid] for uid in sorted(seen.messages)] != list(map(shown, self.accepted)):
            raise Broken("the order of UIDs isn't that of the listing")

    def _uids(self, seen: Seen) -> None:
        if self._uidvalidity not in (None, seen.uidvalidity):
            raise Broken(f"UIDVALIDITY was {self._uidvalidity}, is {seen.uidvalidity}")
        self._uidvalidity = seen.uidvalidity
        highest = max(self._stood_for, default=0)
        for uid, octets in seen.messages.items():
            digest = hashlib.sha256(octets).hexdigest()
            if uid <= highest and uid not in self._stood_for:
                raise Broken(f"UID {uid} appears below {highest}, which was there before")
            if self._stood_for.setdefault(uid, digest) != digest:
                raise Broken(f"UID {uid} stands for other octets now: {named(octets)}")
        gone = {uid for uid in self._stood_for if uid not in seen.messages}
        if len(gone) > sum(self.expunged.values()):
            raise Broken(f"UIDs {sorted(gone)} are gone, and no client expunged them")


def named(octets: bytes) -> str:
    """What tells a message from others."""
    lines: Iterable[bytes] = octets.split(b"\r\n")
    subject = next((line for line in lines if line.startswith(b"Subject:")), octets[:80])
    return f"{subject.decode('utf-8', 'replace')} ({len(octets)} octets)"
