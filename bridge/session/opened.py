"""Messages that were shown a moment ago: a client that opens one asks for its parts one by one.

So do the other devices of its owner. What was read of a message never changes, so what is here is
as good as the store's, and answers without a way through a thread and back.
"""

from collections.abc import Mapping
from typing import Any

from bridge.mime import headers
from bridge.model.ids import MailboxId
from bridge.store.columns import Rows

KEPT_OCTETS = 8 << 20
"""Of all messages together: some hundred mails without attachments."""

MESSAGE_OCTETS = 64 << 10
"""Of one: more takes so long to write down that the reactor's thread is not the place for it."""


class Opened:
    """Rows of single messages; who was asked for longest ago goes first. One thread's own."""

    def __init__(self) -> None:
        self._rows: dict[tuple[MailboxId, int], Rows] = {}
        self._octets = 0

    @property
    def octets(self) -> int:
        """What is kept now."""
        return self._octets

    def find(self, mailbox_id: MailboxId, uid: int, names: frozenset[str]) -> Rows | None:
        """The message's row with at least those columns, if it is here.

        None of it has to be read from the store: octets are the whole message's, and a header is
        whole.
        """
        rows = self._rows.get((mailbox_id, uid))
        if rows is None or not names <= rows.columns.keys():
            return None
        # Put at the end, it is the last to go.
        self._rows[mailbox_id, uid] = self._rows.pop((mailbox_id, uid))
        return rows

    def keep(self, mailbox_id: MailboxId, rows: Rows) -> None:
        """Keeps the row of a message beside what is known of it; a large one isn't kept."""
        if len(rows.uids) != 1 or not _is_whole(rows):
            return
        key = mailbox_id, rows.uids[0]
        known = self._rows.get(key)
        columns = rows.columns if known is None else {**known.columns, **rows.columns}
        size = _octets(columns)
        if size > MESSAGE_OCTETS:
            return
        if known is not None:
            self._drop(key)
        self._rows[key] = Rows(rows.uids, rows.message_ids, columns, complete=True)
        self._octets += size
        while self._octets > KEPT_OCTETS:
            self._drop(next(iter(self._rows)))

    def _drop(self, key: tuple[MailboxId, int]) -> None:
        self._octets -= _octets(self._rows.pop(key).columns)


def _is_whole(rows: Rows) -> bool:
    (header,) = rows.columns.get("header", (headers.BLANK[0],))
    (octets,) = rows.columns.get("octets", (b"",))
    return octets is not None and header.endswith(headers.BLANK)


def _octets(columns: Mapping[str, tuple[Any, ...]]) -> int:
    """What the columns of a row take up, about."""
    octets = _ROW_OCTETS
    for (value,) in columns.values():
        if isinstance(value, (bytes, str)):
            octets += len(value)
    return octets


_ROW_OCTETS = 1000
"""Of what is around the values."""
