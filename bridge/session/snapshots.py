"""The messages of a mailbox at one modseq, shared by all sessions that see it so."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from bridge.imap.serialize import flag_list
from bridge.model.change import MailboxSnapshot
from bridge.model.flags import RECENT
from bridge.model.ids import MailboxId, ModSeq


class FlagTable:
    """Distinct sets of flags by number, each with the forms that are asked for often.

    It only grows, so that a number stays good for all the listings that share the table.
    """

    __slots__ = ("_numbers", "lower", "sets", "written")

    def __init__(self, sets: Iterable[frozenset[str]]) -> None:
        self._numbers: dict[frozenset[str], int] = {}
        self.sets: list[frozenset[str]] = []
        self.lower: list[frozenset[str]] = []
        """In lower case, as searches compare them."""
        self.written: list[tuple[bytes, bytes]] = []
        """As FETCH shows them, without and with \\Recent."""
        for flags in sets:
            self.number(flags)

    def __len__(self) -> int:
        return len(self.sets)

    def number(self, flags: frozenset[str]) -> int:
        """The number of that set, a new one if it is new."""
        found = self._numbers.get(flags)
        if found is None:
            found = self._numbers[flags] = len(self.sets)
            self.sets.append(flags)
            shown = flags | {RECENT}
            self.lower.append(frozenset(flag.lower() for flag in flags))
            self.written.append((flag_list(flags), flag_list(shown)))
        return found


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Listing:
    """Parallel arrays, uids ascending; `table.sets[flag_index[i]]` are the flags of `uids[i]`.

    16 octets a message. Shared ones are never changed.
    """

    uids: "array[int]"
    flag_index: "array[int]"
    modseqs: "array[int]"
    table: FlagTable

    def copy(self) -> "Listing":
        """Arrays of one's own over the same table."""
        return Listing(self.uids[:], self.flag_index[:], self.modseqs[:], self.table)


def listing(snapshot: MailboxSnapshot) -> Listing:
    """What the store has read."""
    table = FlagTable(snapshot.flagsets)
    return Listing(snapshot.uids, snapshot.flag_index, snapshot.modseqs, table)


class Snapshots:
    """Listings by mailbox and modseq, kept as long as one session holds them."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[tuple[MailboxId, ModSeq], Listing] = WeakValueDictionary()

    def find(self, mailbox_id: MailboxId, modseq: ModSeq) -> Listing | None:
        """The listing at that modseq, if a session holds one; any thread may ask."""
        return self._held.get((mailbox_id, modseq))

    def share(self, mailbox_id: MailboxId, modseq: ModSeq, made: Listing) -> Listing:
        """`made`, or the equal one that others hold already."""
        return self._held.setdefault((mailbox_id, modseq), made)
