"""Sort keys of mailboxes that are sorted and threaded, kept beside the store.

What a UID stands for never changes, so what was read once stays right; only messages that have
come since are read. As many octets are kept as `MAX_OCTETS` says, of what was used last.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from bridge.model.ids import MailboxId
from bridge.query.thread import References
from bridge.store.keys import ANCESTRY, NUMBERS, sort_keys
from bridge.store.tx import ReadTx

MAX_OCTETS = 32 << 20
"""Of all mailboxes: 20,000 messages take 0.3 MB for a date, 2 MB for subjects, 5 MB to thread."""

KEPT_ANYWAY = 4
"""As many keys as most commands need, in however large a mailbox: it is read in turns, and the next
must not find gone what the one before has read."""

_OBJECT_OCTETS = 41
"""Of a bytes object beside its contents, and its place in a list."""

_NODE_OCTETS = 200
"""Of what is known of a message, or of one that others refer to, in `References`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A key of the messages with ascending `uids`: numbers in an array, octets in a list.

    Neither is ever changed.
    """

    uids: "array[int]"
    values: Any
    octets: int


@dataclass(frozen=True, slots=True)
class Linked:
    """References of the messages with ascending `uids`."""

    uids: "array[int]"
    references: References
    octets: int


_Place = tuple[MailboxId, str]


class Keys:
    """Any reading thread may ask."""

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        self._max_octets = max_octets
        self._held: OrderedDict[_Place, Column | Linked] = OrderedDict()
        self._octets = 0
        self._lock = Lock()

    @property
    def octets(self) -> int:
        """About what all that is kept takes."""
        return self._octets

    def columns(
        self, tx: ReadTx, mailbox_id: MailboxId, uids: "array[int]", names: Sequence[str]
    ) -> list[Sequence[Any]]:
        """Keys of each of the messages with these ascending UIDs.

        Args:
            tx: where those are read that aren't here, in one statement.
            mailbox_id: where the messages are.
            uids: all that a session knows there.
            names: of `bridge.store.keys`. Of a message that is purged they are 0 or b"".
        """
        held = {name: self._column(mailbox_id, name) for name in names}
        stale = {name: held[name] for name in held if held[name].uids != uids}
        if stale:
            held |= _brought_up(tx, mailbox_id, uids, stale)
            for name in stale:
                self._keep((mailbox_id, name), held[name])
        return [held[name].values for name in names]

    @contextmanager
    def linked(self, tx: ReadTx, mailbox_id: MailboxId, uids: "array[int]") -> Iterator[References]:
        """The references of the messages with these ascending UIDs; nobody else's meanwhile.

        They are made anew unless those that were linked last are where these begin.
        """
        held = self._take((mailbox_id, ANCESTRY))
        if not isinstance(held, Linked) or not _begins(uids, held.uids):
            held = Linked(array("I"), References(), 0)
        found = held.references
        more = uids[len(held.uids) :]
        if more:
            rows = dict(sort_keys(tx, mailbox_id, more, (ANCESTRY,)))
            for uid in more:
                found.add(rows.get(uid, b"").split(b"\n"))
        yield found
        linked = Linked(uids[:], found, _NODE_OCTETS * found.nodes)
        self._keep((mailbox_id, ANCESTRY), linked)

    def known(self, mailbox_id: MailboxId, uids: "array[int]", names: Sequence[str]) -> int:
        """Of how many messages, from the first of `uids` on, all that is asked for is here."""
        with self._lock:
            held = [self._held.get((mailbox_id, name)) for name in names]
        return min(
            (len(one.uids) if one is not None and _begins(uids, one.uids) else 0 for one in held),
            default=len(uids),
        )

    def _column(self, mailbox_id: MailboxId, name: str) -> Column:
        with self._lock:
            held = self._held.get((mailbox_id, name))
            if isinstance(held, Column):
                self._held.move_to_end((mailbox_id, name))
                return held
        return Column(array("I"), array("q") if name in NUMBERS else [], 0)

    def _take(self, place: _Place) -> Column | Linked | None:
        with self._lock:
            held = self._held.pop(place, None)
            self._octets -= 0 if held is None else held.octets
            return held

    def _keep(self, place: _Place, made: Column | Linked) -> None:
        self._take(place)
        with self._lock:
            self._held[place] = made
            self._octets += made.octets
            while self._octets > self._max_octets and len(self._held) > KEPT_ANYWAY:
                _, oldest = self._held.popitem(last=False)
                self._octets -= oldest.octets


def _brought_up(
    tx: ReadTx, mailbox_id: MailboxId, uids: "array[int]", stale: dict[str, Column]
) -> dict[str, Column]:
    """The columns for exactly these UIDs."""
    missing = {name: _missing(uids, column.uids) for name, column in stale.items()}
    asked = [name for name in stale if missing[name]]
    wanted = sorted({uid for name in asked for uid in missing[name]})
    rows = sort_keys(tx, mailbox_id, wanted, asked) if asked else []
    read_uids, *read = zip(*rows, strict=True) if rows else ((), *((),) * len(asked))
    more = {
        name: dict(zip(read_uids, values, strict=True))
        for name, values in zip(asked, read, strict=True)
    }
    return {
        name: _column_of(column, uids, more.get(name, {}), 0 if name in NUMBERS else b"")
        for name, column in stale.items()
    }


def _column_of(
    before: Column, uids: "array[int]", more: dict[int, Any], absent: int | bytes
) -> Column:
    """A column for `uids` out of what it was and what was read."""
    if not _begins(uids, before.uids):
        more = {**dict(zip(before.uids, before.values, strict=True)), **more}
        before = Column(array("I"), before.values[:0], 0)
    rest = [more.get(uid, absent) for uid in uids[len(before.uids) :]]
    octets = before.octets + 8 * len(rest)
    if isinstance(absent, bytes):
        # Many subjects and senders are the same.
        one = {value: value for value in rest}
        rest = [one[value] for value in rest]
        octets += sum(len(value) + _OBJECT_OCTETS for value in one)
    values = before.values[:]
    values += array("q", rest) if isinstance(values, array) else rest
    return Column(uids[:], values, octets)


def _missing(uids: "array[int]", held: "array[int]") -> Sequence[int]:
    """Those of `uids` that aren't held."""
    if _begins(uids, held):
        return uids[len(held) :]
    known = set(held)
    return [uid for uid in uids if uid not in known]


def _begins(uids: "array[int]", with_these: "array[int]") -> bool:
    return uids[: len(with_these)] == with_these
