"""Which of some messages match a search (RFC 9051 §6.4.4): one walk over the key, masks for all.

What is known of the messages is asked of `Messages`, a question a key and never one a message.
"""

from dataclasses import dataclass
from typing import Protocol, assert_never

from bridge.model.numset import NumSet
from bridge.model.search import (
    TEXT_FIELDS,
    All,
    And,
    Date,
    HasFlag,
    HasSaveDate,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    ObjectId,
    Or,
    Saved,
    SearchKey,
    Size,
    Text,
    Within,
)

Mask = int
"""An octet for each message, 1 where it matches, the first one lowest. As one large number, AND,
OR and NOT of thousands of messages are one operation each."""

Stored = Size | Date | Saved | Within | ObjectId | Header | Text
"""Keys for which the store has to be asked."""


_READING = 20
"""What it costs, in no unit, to have a message's header read; other questions cost a tenth."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A key in two parts, in each of which what costs less comes first.

    A message matches where it matches both: `in_view`, which flags and numbers decide, and
    `in_store`, None where nothing else is asked.
    """

    in_view: SearchKey
    in_store: SearchKey | None
    cost: int

    @property
    def reads(self) -> bool:
        """Whether messages are read one by one, and not found all at once."""
        return self.cost >= _READING


class Messages(Protocol):
    """Some messages, in order."""

    def with_flag(self, flag: str) -> Mask:
        """Those that have a flag, in lower case; \\Recent is one."""
        ...

    def numbered(self, numbers: NumSet, *, uid: bool) -> Mask:
        """Those whose sequence number, or UID, is in a set."""
        ...

    def changed(self, modseq: int) -> Mask:
        """Those whose modseq is at least that."""
        ...

    def stored(self, key: Stored, among: Mask) -> Mask:
        """Those among some that match; of others it may say anything."""
        ...


def matching(key: SearchKey, messages: Messages, among: Mask) -> Mask:
    """The messages among some that match a key, which `arranged` has made ready.

    What one part of a key has decided the next isn't asked any more.
    """
    if not among:
        return among
    match key:
        case All() | HasSaveDate():
            return among
        case HasFlag():
            having = among & messages.with_flag(key.flag.lower())
            return having if key.present else among ^ having
        case Numbers():
            return among & messages.numbered(key.numbers, uid=key.uid)
        case ModSeqAtLeast():
            return among & messages.changed(key.modseq)
        case Not():
            return among ^ matching(key.key, messages, among)
        case Or():
            left = matching(key.left, messages, among)
            return left | matching(key.right, messages, among ^ left)
        case And():
            for inner in key.keys:
                among = matching(inner, messages, among)
            return among
        case Size() | Date() | Saved() | Within() | ObjectId() | Header() | Text():
            return among & messages.stored(key, among)
        case _:
            assert_never(key)


def arranged(key: SearchKey) -> Arranged:
    """The key made ready to be walked."""
    found = _arranged(key)[1]
    keys = found.keys if isinstance(found, And) else (found,)
    costs = [_arranged(inner)[0] for inner in keys]
    free = costs.count(0)
    return Arranged(And(keys[:free]), And(keys[free:]) if keys[free:] else None, sum(costs))


def _arranged(key: SearchKey) -> tuple[int, SearchKey]:
    """(what it costs to decide, the key with the cheapest first)."""
    match key:
        case And():
            costs, keys = _in_order(key.keys)
            return costs, And(keys)
        case Or():
            costs, keys = _in_order((key.left, key.right))
            return costs, Or(keys[0], keys[1])
        case Not():
            cost, inner = _arranged(key.key)
            return cost, Not(inner)
        case _:
            return _cost(key), key


def _in_order(keys: tuple[SearchKey, ...]) -> tuple[int, tuple[SearchKey, ...]]:
    found = sorted(map(_arranged, keys), key=lambda one: one[0])
    return sum(cost for cost, _ in found), tuple(key for _, key in found)


def _cost(key: SearchKey) -> int:
    """What it takes to decide a key that has no others in it; 0 where the store isn't asked."""
    match key:
        case Size() | Date() | Saved() | Within() | ObjectId():
            return 1
        case Header():
            return 2 if key.name in TEXT_FIELDS else _READING
        case Text():
            return 10 * _READING
        case _:
            return 0
