"""Proof that a message is held: its octets, read back from the store and hashed."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bridge.model.ids import MessageId
from bridge.model.upstream import Known
from bridge.store.port import Database
from bridge.store.tx import ReadTx

SLICE_OCTETS = 4 << 20
"""Read at once: memory doesn't grow with a message, and other reads don't wait for long."""

SLICE_MESSAGES = 100

INTERNAL = b"FOLDER INTERNAL DATA"
"""In the subject of a pseudo-message in which some servers keep their state (mailbox format of the
University of Washington): deleting it would make them forget what UIDLs they gave."""

HEAD_OCTETS = 2048


async def proven(database: Database, rows: Sequence[Known]) -> tuple[set[int], list[Known]]:
    """The rows whose octets here have the hash of what was retrieved, and those that don't.

    A pseudo-message of the server's is in neither. Runs in threads that read.
    """
    good: set[int] = set()
    bad: list[Known] = []
    for group in _groups(rows):
        if len(group) == 1:
            digest, internal = await _one(database, group[0])
            found = {group[0].id: (digest, internal)}
        else:
            found = await database.read(partial(_several, rows=group))
        for row in group:
            digest, internal = found[row.id]
            if digest != row.full_hash:
                bad.append(row)
            elif not internal:
                good.add(row.id)
    return good, bad


def _groups(rows: Sequence[Known]) -> Iterator[list[Known]]:
    group: list[Known] = []
    octets = 0
    for row in rows:
        size = row.octets or 0
        if group and (octets + size > SLICE_OCTETS or len(group) >= SLICE_MESSAGES):
            yield group
            group, octets = [], 0
        group.append(row)
        octets += size
    if group:
        yield group


def _several(tx: ReadTx, rows: Sequence[Known]) -> dict[int, tuple[bytes, bool]]:
    found = {}
    for row in rows:
        octets = tx.octets(_message(row), 0, SLICE_OCTETS)
        found[row.id] = hashlib.sha256(octets).digest(), INTERNAL in octets[:HEAD_OCTETS]
    return found


async def _one(database: Database, row: Known) -> tuple[bytes, bool]:
    """A message of any size, slice by slice."""
    hasher = hashlib.sha256()
    start, internal, full = 0, False, True
    while full:
        hasher, size, head = await database.read(
            partial(_add, message=_message(row), start=start, hasher=hasher)
        )
        internal = internal or (start == 0 and INTERNAL in head)
        start += size
        full = size == SLICE_OCTETS
    return hasher.digest(), internal


def _add(tx: ReadTx, message: MessageId, start: int, hasher: Any) -> tuple[Any, int, bytes]:
    octets = tx.octets(message, start, start + SLICE_OCTETS)
    further = hasher.copy()
    further.update(octets)
    return further, len(octets), octets[:HEAD_OCTETS]


def _message(row: Known) -> MessageId:
    assert row.message_id is not None
    return row.message_id
