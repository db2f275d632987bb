"""What messages are sorted and threaded by: one statement for all of a mailbox."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, select

from bridge.model.ids import MailboxId
from bridge.model.numset import compact
from bridge.store import schema
from bridge.store.base import Reads
from bridge.store.placements import MAX_RUNS

_P, _M = schema.placement.c, schema.message.c
NUMBERS = frozenset({"size", "sent_s", "arrived_s", "reply"})
OCTETS = frozenset({"subject", "from_key", "to_key", "cc_key", "from_display", "to_display"})
ANCESTRY = "ancestry"
"""Columns of `message`: what can be asked for. They never change."""


def sort_keys(
    tx: Reads, mailbox_id: MailboxId, uids: Sequence[int], names: Sequence[str]
) -> list[tuple[Any, ...]]:
    """(uid, *values) of messages, ascending: those with these ascending UIDs, maybe others.

    Expunged ones are among them until they are purged. `names` are of `NUMBERS`, `OCTETS` and
    `ANCESTRY`.
    """
    runs = list(compact(uids))
    if len(runs) > MAX_RUNS:
        runs = [(uids[0], uids[-1])]
    statement = _statement(tuple(names))
    return [
        row
        for low, high in runs
        for row in tx.all(statement, mailbox=mailbox_id, low=low, high=high)
    ]


@cache
def _statement(names: tuple[str, ...]) -> Executable:
    return (
        select(_P.uid, *(_M[name] for name in names))
        .select_from(schema.placement.join(schema.message, _M.id == _P.message_id))
        .where(
            _P.mailbox_id == bindparam("mailbox"),
            _P.uid.between(bindparam("low"), bindparam("high")),
        )
        .order_by(_P.uid)
    )
