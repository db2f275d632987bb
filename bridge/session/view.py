"""What one session has told its client of the selected mailbox (RFC 9051 §2.3.1.2, §7.5.1).

Sequence numbers are positions here. The arrays are shared with other sessions until this one must
differ; a message that others expunged keeps its place until its EXPUNGE may be sent.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

from bridge.model.change import MailboxDelta
from bridge.model.flags import SYSTEM_FLAGS
from bridge.model.ids import ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.numset import STAR, NumSet
from bridge.session.reply import Bad
from bridge.session.snapshots import FlagTable, Listing, Snapshots
from bridge.session.uids import UidArray, UidRanges
from bridge.session.walk import Walk

_OCTET = 256
_UNUSED_FLAGSETS = 64
"""Sets that no message has any more are dropped when they are this many and half of all."""


class View:
    """Positions are from 0; sequence numbers are positions plus 1.

    `tells_recent` is False for a client of IMAP4rev2, which knows no \\Recent.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        listing: Listing,
        snapshots: Snapshots,
        *,
        read_only: bool,
        tells_recent: bool = True,
    ) -> None:
        self._snapshots = snapshots
        self._shared = snapshots.share(mailbox.id, mailbox.highest_modseq, listing)
        self._own: Listing | None = None
        self.ahead = False
        """Whether the client was told what is above the mailbox's modseq."""
        self._announced: tuple[FlagTable | None, int] = (None, 0)
        self.mailbox = mailbox
        self.read_only = read_only
        self.recent = UidRanges()
        """UIDs that are \\Recent to this session, those that are still to come included."""
        self.tells_recent = tells_recent
        self.uid_only = False
        """Whether the client knows no message numbers (RFC 9586)."""
        self.vanished = UidArray()
        """UIDs that are expunged, the client not yet told."""
        self._before_vanished = mailbox.highest_modseq
        self.keywords: set[str] = set()
        """Keywords the client knows of."""
        self.saved = array("I")
        """UIDs that a search has saved, ascending: what "$" stands for (RFC 5182)."""

        self.walk = Walk()
        self._stored: dict[Uid, frozenset[str]] = {}
        """The flags in the store of messages of which the client believes others."""

    @property
    def _listing(self) -> Listing:
        return self._own or self._shared

    @property
    def uids(self) -> "array[int]":
        """The announced UIDs, ascending; not to be changed."""
        return self._listing.uids

    @property
    def count(self) -> int:
        """Messages the client knows of."""
        return len(self._listing.uids)

    @property
    def recent_count(self) -> int:
        """How many of them are \\Recent."""
        return self.recent.count(self._listing.uids)

    @property
    def told_modseq(self) -> ModSeq:
        """All changes up to here are told, those below it that had to wait included."""
        return self._before_vanished if len(self.vanished) else self.mailbox.highest_modseq

    @property
    def last_uid(self) -> int:
        """The highest announced UID, or 0."""
        return self._listing.uids[-1] if self.count else 0

    def forget_recent(self) -> None:
        """Nothing is \\Recent here any more."""
        self.recent, self.tells_recent = UidRanges(), False

    def flags(self, position: int) -> frozenset[str]:
        """The flags as the client knows them, without \\Recent."""
        listing = self._listing
        return listing.table.sets[listing.flag_index[position]]

    def have_flag(self, flag: str, start: int, stop: int) -> bytes:
        """For each position in [start, stop) 1 or 0: whether it has a flag, in lower case.

        \\Recent isn't among them.
        """
        listing = self._listing
        has = bytes(flag in flags for flags in listing.table.lower)
        index = listing.flag_index[start:stop]
        if len(has) > _OCTET:
            return bytes([has[number] for number in index])
        # Each number is one octet, and all are translated at once.
        return _low_octets(index).translate(has.ljust(_OCTET, b"\0"))

    def written_flags(self, position: int) -> bytes:
        """The flag list that FETCH shows, \\Recent included."""
        listing = self._listing
        recent = listing.uids[position] in self.recent
        return listing.table.written[listing.flag_index[position]][recent]

    def all_written_flags(self, positions: Sequence[int]) -> list[bytes]:
        """`written_flags` of many messages, at ascending positions."""
        listing = self._listing
        plain, recent = zip(*listing.table.written, strict=True) if positions else ((), ())
        if isinstance(positions, range):
            index: Sequence[int] = listing.flag_index[positions.start : positions.stop]
        else:
            index = [listing.flag_index[position] for position in positions]
        written = [plain[number] for number in index]
        for start, end in self.recent.ranges():
            first = bisect_left(positions, bisect_left(listing.uids, start))
            behind = bisect_left(positions, bisect_left(listing.uids, end))
            written[first:behind] = [recent[number] for number in index[first:behind]]
        return written

    def modseq(self, position: int) -> int:
        """The message's modseq."""
        return self._listing.modseqs[position]

    def modseqs(self, start: int, stop: int) -> "array[int]":
        """The modseqs of the messages at positions [start, stop)."""
        return self._listing.modseqs[start:stop]

    def position(self, uid: int) -> int | None:
        """Where `uid` stands, or None."""
        uids = self.uids
        found = bisect_left(uids, uid)
        return found if found < len(uids) and uids[found] == uid else None

    def heads(self, positions: Sequence[int]) -> tuple[bytes, Sequence[int]]:
        """The word that a message's data begins with, and what it calls each message."""
        if self.uid_only:
            return b"UIDFETCH", self.uids_at(positions)
        return b"FETCH", [position + 1 for position in positions]

    def changed_since(self, positions: Sequence[int], modseq: int) -> list[int]:
        """Those of the positions whose messages have a higher modseq."""
        modseqs = self._listing.modseqs
        return [position for position in positions if modseqs[position] > modseq]

    def uids_at(self, positions: Sequence[int]) -> list[int]:
        """The UIDs at ascending positions."""
        uids = self.uids
        if isinstance(positions, range):
            return uids[positions.start : positions.stop].tolist()
        return [uids[position] for position in positions]

    def positions(self, uids: Sequence[int]) -> Sequence[int]:
        """Where ascending `uids` stand, all of which the client knows."""
        if not uids:
            return ()
        known = self.uids
        first, end = bisect_left(known, uids[0]), bisect_right(known, uids[-1])
        if end - first == len(uids):
            return range(first, end)
        return [bisect_left(known, uid, first, end) for uid in uids]

    def resolve(self, numbers: NumSet, *, uid: bool) -> Sequence[int]:
        """The positions a client's set names, ascending; UIDs that aren't there are passed over.

        Raises:
            Bad: a sequence number is higher than the mailbox's last one.
        """
        if numbers.saved:
            return self.positions(self.saved)
        uids, count = self.uids, self.count
        if uid:
            runs = [
                range(bisect_left(uids, low), bisect_right(uids, high))
                for low, high in numbers.resolve(self.last_uid)
            ]
        else:
            if any(max(ends) != STAR and max(ends) > count for ends in numbers.ranges):
                raise Bad("There is no message with such a number")
            runs = [
                range(max(low, 1) - 1, min(high, count)) for low, high in numbers.resolve(count)
            ]
        return runs[0] if len(runs) == 1 else [position for run in runs for position in run]

    def save(self, positions: Sequence[int]) -> None:
        """Remembers messages for "$", in place of those before."""
        self.saved = array("I", self.uids_at(sorted(positions)))

    def note_keywords(self) -> bool:
        """Notes the keywords that have appeared; whether any is new to the client."""
        table, seen = self._listing.table, 0
        if self._announced[0] is table:
            seen = self._announced[1]
        before = len(self.keywords)
        for flags in table.sets[seen:]:
            self.keywords |= flags - _SYSTEM
        self._announced = table, len(table)
        return len(self.keywords) > before

    def set_flags(
        self, uid: Uid, flags: frozenset[str], modseq: int, stored: frozenset[str] | None = None
    ) -> None:
        """Notes what the client now believes a message's flags to be.

        Args:
            stored: what they are in the store, where the client can't know that.
        """
        position = self.position(uid)
        if position is not None:
            self.ahead = True
            _put(self._edit(), position, flags, modseq)
            if stored is not None and stored != flags:
                self._stored[uid] = stored

    def expunged(self, uids: Sequence[int]) -> None:
        """Notes what this client has expunged itself and is told of before all that others did.

        What it knows is then no state that the store was ever in, and nobody else's.
        """
        here = [uid for uid in uids if self.position(uid) is not None]
        if here:
            self.ahead = True
            self.vanished.add(here)

    def caught_up(self, modseq: ModSeq) -> None:
        """Notes that this session's own change is all that came after the mailbox's modseq.

        It is, where it bears the next modseq and the client knew all before; what others did comes
        with the next delta.
        """
        if modseq == self.mailbox.highest_modseq + 1:
            self.mailbox = replace(self.mailbox, highest_modseq=modseq)
            self.ahead = False
            self._settle()

    def apply(self, delta: MailboxDelta, *, modseqs: bool = False) -> tuple[list[int], list[Uid]]:
        """Takes what changed in the store.

        Args:
            delta: from the mailbox's modseq on.
            modseqs: whether a modseq that differs counts as a change.

        Returns:
            the UIDs whose flags now differ from what the client knows, and the added UIDs.
        """
        changed: list[int] = []
        added: list[Uid] = []
        if not len(self.vanished):
            self._before_vanished = delta.since
        self.mailbox = delta.mailbox
        if delta.changed or delta.added or delta.vanished:
            own = self._edit()
            uids, at = own.uids, 0
            for change in delta.changed:
                # Both ascend, so each is looked for behind the one before.
                at = bisect_left(uids, change.uid, at)
                if at < len(uids) and uids[at] == change.uid:
                    moved = modseqs and own.modseqs[at] != change.modseq
                    if moved or own.table.sets[own.flag_index[at]] != change.flags:
                        changed.append(change.uid)
                    _put(own, at, change.flags, change.modseq)
            for change in delta.added:
                if change.uid > self.last_uid:
                    own.uids.append(change.uid)
                    own.flag_index.append(own.table.number(change.flags))
                    own.modseqs.append(change.modseq)
                    added.append(change.uid)
            self._vanish(own, delta.vanished)
        # The store's flags have replaced what the client believed.
        self.ahead = False
        self._stored.clear()
        self._settle()
        return changed, added

    def _vanish(self, own: Listing, uids: Sequence[Uid]) -> None:
        """Notes what is expunged. It can be shown until that is said, with flags that it had."""
        known, here, at = own.uids, [], 0
        for uid in uids:
            at = bisect_left(known, uid, at)
            if at < len(known) and known[at] == uid:
                here.append(uid)
                if uid in self._stored:
                    _put(own, at, self._stored[uid], own.modseqs[at])
        self.vanished.add(here)

    def drop_vanished(self) -> list[int]:
        """Forgets the expunged messages.

        Returns:
            their sequence numbers, highest first, so that none shifts those still to be said.
        """
        gone = self.positions(list(self.vanished))
        if self.saved:
            self.saved = array("I", [uid for uid in self.saved if uid not in self.vanished])
        self.vanished.clear()
        if gone:
            listing = self._listing
            self._own = Listing(
                _without(listing.uids, gone),
                _without(listing.flag_index, gone),
                _without(listing.modseqs, gone),
                listing.table,
            )
        self._settle()
        return [position + 1 for position in reversed(gone)]

    def _edit(self) -> Listing:
        """The session's own copy of the arrays."""
        if self._own is None:
            self._own = self._shared.copy()
        return self._own

    def _settle(self) -> None:
        """Shares the arrays again once they are the store's at the mailbox's modseq."""
        if self._own is None or self.ahead or len(self.vanished):
            return
        made = _compacted(self._own)
        self._own = None
        self._shared = self._snapshots.share(self.mailbox.id, self.mailbox.highest_modseq, made)


def _low_octets(values: "array[int]") -> bytes:
    """The lowest octet of each."""
    octets = values.tobytes()
    return octets[0 if sys.byteorder == "little" else values.itemsize - 1 :: values.itemsize]


def _put(listing: Listing, position: int, flags: frozenset[str], modseq: int) -> None:
    listing.flag_index[position] = listing.table.number(flags)
    listing.modseqs[position] = modseq


def _without(values: "array[int]", gone: Sequence[int]) -> "array[int]":
    """The array without the values at ascending positions `gone`."""
    if 8 * len(gone) > len(values):
        # To ask for each message then costs less than to copy what lies between those.
        stays = bytearray(b"\1") * len(values)
        for position in gone:
            stays[position] = 0
        return array(values.typecode, compress(values, stays))
    kept = array(values.typecode)
    start = 0
    for position in gone:
        kept += values[start:position]
        start = position + 1
    kept += values[start:]
    return kept


def _compacted(listing: Listing) -> Listing:
    """The listing, with a table of its own if most sets in the shared one are out of use."""
    table = listing.table
    if len(table) <= _UNUSED_FLAGSETS:
        return listing
    used = sorted(set(listing.flag_index))
    if len(table) < 2 * len(used) + _UNUSED_FLAGSETS:
        return listing
    fresh = FlagTable(table.sets[number] for number in used)
    moved = {old: new for new, old in enumerate(used)}
    index = array("I", map(moved.__getitem__, listing.flag_index))
    return Listing(listing.uids, index, listing.modseqs, fresh)


_SYSTEM = frozenset(SYSTEM_FLAGS)
