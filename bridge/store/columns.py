"""Messages as FETCH shows many of them: just the columns asked for, as plain rows.

A client that opens a mailbox wants the same few columns of thousands of messages. An object for
each, with its dates read and its flags joined, costs ten times what the row itself does.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Executable, and_, bindparam, select

from bridge.model.ids import MailboxId
from bridge.model.message import Part
from bridge.store import schema
from bridge.store.placements import PlacementReads

_P, _M, _S = schema.placement.c, schema.message.c, schema.shape.c
_OF_MESSAGE = {
    "size": _M.size,
    "internal_date": _M.internal_date,
    "emailid": _M.emailid,
    "threadid": _M.threadid,
    "preview": _M.preview,
    "sent_date": _M.sent_date,
}
_OF_SHAPE = {name: _S[name] for name in ("header", "envelope", "body", "bodystructure", "parts")}
COLUMNS = frozenset({*_OF_MESSAGE, *_OF_SHAPE, "savedate", "octets"})
"""What can be asked for. Dates are ISO 8601 text as the store has them, `parts` is what
`read_parts` takes, and `octets` the whole message, or None if it is larger than one chunk."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of messages, ascending by uid: `columns` are parallel lists, one for each name asked.

    `complete` is False where the octets of the first rows were enough; those that follow are to be
    asked for again.
    """

    uids: tuple[int, ...]
    message_ids: tuple[int, ...]
    columns: dict[str, tuple[Any, ...]]
    complete: bool

    def each(self) -> "Iterator[Rows]":
        """The rows one by one."""
        for n, (uid, message_id) in enumerate(zip(self.uids, self.message_ids, strict=True)):
            own = {name: (values[n],) for name, values in self.columns.items()}
            yield Rows((uid,), (message_id,), own, complete=True)


class ColumnReads(PlacementReads):
    """Queries for many messages at once."""

    def columns(
        self, mailbox_id: MailboxId, uids: Sequence[int], names: frozenset[str], most_octets: int
    ) -> Rows:
        """The columns `names` of the messages with those ascending UIDs, expunged ones included.

        Args:
            mailbox_id: where they are.
            uids: one that never was, or is purged, is left out.
            names: of `COLUMNS`.
            most_octets: of mail; the rows end with the one that goes beyond.
        """
        ordered = _ordered(names)
        statement = _statement(ordered)
        if "octets" in names:
            each = self._each_by_uid(statement, mailbox_id, uids)
            rows, ended = _up_to(most_octets, ordered.index("octets") + 2, each)
        elif uids and uids[-1] - uids[0] + 1 == len(uids):
            rows = self.all(statement, mailbox=mailbox_id, low=uids[0], high=uids[-1])
            ended = True
        else:
            rows, ended = list(self._each_by_uid(statement, mailbox_id, uids)), True
        complete = ended or rows[-1][0] == uids[-1]
        found = list(zip(*rows, strict=True)) or [()] * (2 + len(ordered))
        return Rows(found[0], found[1], dict(zip(ordered, found[2:], strict=True)), complete)

    def searched(
        self, mailbox_id: MailboxId, uids: Sequence[int], names: frozenset[str]
    ) -> list[tuple[Any, ...]]:
        """(uid, *values) of messages, `names` in their order: what a search looks at.

        Args:
            mailbox_id: where they are.
            uids: ascending; one that is purged is left out.
            names: of size, internal_date, sent_date, header and text, the folded one.
        """
        ordered = tuple("folded" if name == "text" else name for name in sorted(names))
        return [
            (row[0], *row[2:]) for row in self._each_by_uid(_statement(ordered), mailbox_id, uids)
        ]

    def _each_by_uid(
        self, statement: Executable, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> Iterator[tuple[Any, ...]]:
        wanted = set(uids)
        for low, high in self._runs_of(uids):
            for row in self.each(statement, mailbox=mailbox_id, low=low, high=high):
                if row[0] in wanted:
                    yield row


def _up_to(
    most_octets: int, at: int, rows: Iterator[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], bool]:
    """Rows up to the one whose column `at` makes it more octets than that; whether none did."""
    taken, octets = [], 0
    for row in rows:
        taken.append(row)
        octets += schema.CHUNK_OCTETS if row[at] is None else len(row[at])
        if octets > most_octets:
            return taken, False
    return taken, True


def read_parts(written: bytes, number: str) -> tuple[Part, ...]:
    """The parts of that number out of a message's column."""
    return tuple(Part(*fields) for fields in json.loads(written) if fields[0] == number)


@cache
def _ordered(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


@cache
def _statement(names: tuple[str, ...]) -> Executable:
    source: Any = schema.placement
    if not _OF_MESSAGE.keys().isdisjoint(names) or "octets" in names:
        source = source.join(schema.message, _M.id == _P.message_id)
    if not _OF_SHAPE.keys().isdisjoint(names):
        source = source.join(schema.shape, _S.message_id == _P.message_id)
    if "folded" in names:
        text = schema.message_text
        source = source.join(text, text.c.message_id == _P.message_id)
    if "octets" in names:
        chunk = schema.chunk.c
        whole = and_(chunk.blob_id == _M.blob_id, chunk.seq == 0, _M.size <= schema.CHUNK_OCTETS)
        source = source.outerjoin(schema.chunk, whole)
    return (
        select(_P.uid, _P.message_id, *(_column(name) for name in names))
        .select_from(source)
        .where(
            _P.mailbox_id == bindparam("mailbox"),
            _P.uid.between(bindparam("low"), bindparam("high")),
        )
        .order_by(_P.uid)
    )


def _column(name: str) -> Any:
    if name == "octets":
        return schema.chunk.c.data
    if name == "savedate":
        return _P.savedate
    if name == "folded":
        return schema.message_text.c.folded
    return _OF_MESSAGE[name] if name in _OF_MESSAGE else _OF_SHAPE[name]
