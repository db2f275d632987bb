"""What one POP session makes of the messages that arrived.

The decisions are taken as messages arrive, from the ledger as the session found it: nobody else
changes it meanwhile. What is written (`sync.entries`) runs in the writer's thread and may run
again, for a full disk rolls a whole commit back.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bridge.model.ids import AccountId
from bridge.model.message import StoredMessage
from bridge.model.upstream import Known, LedgerState, Listed, Retrieve
from bridge.store.tx import WriteTx
from bridge.sync import entries
from bridge.sync.matching import Matching
from bridge.sync.plan import SETTLED
from bridge.sync.step import Arrived, Step
from bridge.sync.suspects import SHORT, WRONG_SIZES


class Recorder:
    """The works of one POP session.

    Args:
        account_id: whose mailbox it is.
        matching: the session's listing beside the ledger.
        wrong_sizes: how often the provider's sizes have misled so far.
        message_ids: Message-IDs by row, where messages may have got other headers: then a
            message with a row's Message-ID and body is the row's.
    """

    def __init__(
        self,
        account_id: AccountId,
        matching: Matching,
        *,
        wrong_sizes: int = 0,
        message_ids: Mapping[int, bytes] | None = None,
    ) -> None:
        self._account_id = account_id
        self.wrong_sizes = wrong_sizes
        self._rows = {row.id: row for row in matching.left}
        self._rows |= {found.row.id: found.row for found in matching.matches}
        self._by_hash: defaultdict[bytes, deque[Known]] = defaultdict(deque)
        self._by_id: defaultdict[tuple[bytes, bytes], deque[Known]] = defaultdict(deque)
        self._taken: set[int] = set()
        ids = message_ids or {}
        for row in matching.left:
            self._offer(row, ids.get(row.id, b""))
        self._suspects: dict[int, Retrieve] = {}
        self.stored: list[int] = []
        """The rows of the messages that this session brought, once they are durable."""

    @property
    def sizes_trusted(self) -> bool:
        """Whether the provider's sizes mean anything."""
        return self.wrong_sizes < WRONG_SIZES

    @property
    def suspects(self) -> tuple[Retrieve, ...]:
        """What this session stored and is in doubt, to be retrieved again at its end."""
        return tuple(self._suspects.values())

    def row(self, item: Retrieve) -> Known | None:
        """The row that a message is retrieved for."""
        return None if item.known_id is None else self._rows[item.known_id]

    def taken(self, row: Known) -> None:
        """The row is a listed message's already: it is nobody else's."""
        self._taken.add(row.id)

    def decide(self, arrived: Arrived) -> Step:
        """What the message is; to be asked once for each, in the order of arrival.

        A suspect whose octets came again is believed, and so is a row that was in doubt. Else a
        message whose octets are held under a UIDL that the listing lacks is that message: the
        oldest that no other is taken for.
        """
        if arrived.message.suspect == SHORT and not self.sizes_trusted:
            arrived = replace(arrived, message=replace(arrived.message, suspect=None))
        own = self.row(arrived.item)
        if own is not None and arrived.same(own):
            if own.size != arrived.item.listed.size and arrived.item.doubted:
                self.wrong_sizes += 1
            if own.state is LedgerState.SUSPECT and own.reason == SHORT:
                self.wrong_sizes += own.id not in self._suspects
            return Step(arrived, own, own, at_once=own.id in self._suspects)
        held = own is not None and own.state is LedgerState.SUSPECT
        row = None if held else self._find(arrived.message)
        if own is not None and arrived.item.doubted:
            # Its UIDL is another message's now, so it may be found under another.
            self._offer(own, b"")
        return Step(arrived, row, own, at_once=own is not None and own.id in self._suspects)

    def keep(self, tx: WriteTx, steps: Sequence[Step]) -> list[int]:
        """Makes messages exist, or notes that they do already; the numbers of their rows."""
        return entries.keep(tx, self._account_id, steps)

    def kept(self, step: Step, row_id: int) -> None:
        """A step is durable: what it stored may have to be looked at again in this session."""
        arrived, own = step.arrived, step.own
        message = arrived.message
        self.stored.append(row_id)
        held = own is not None and own.state is LedgerState.SUSPECT
        if step.row is not None or message.suspect is None or held or step.is_internal:
            return
        full, canonical, body = arrived.hashes
        self._rows[row_id] = Known(
            id=row_id,
            uidl=arrived.uidl,
            generation=0,
            state=LedgerState.SUSPECT,
            size=arrived.item.listed.size,
            message_id=None,
            full_hash=full,
            canonical_hash=canonical,
            body_hash=body,
            attempts=0,
            octets=message.size,
            reason=message.suspect,
        )
        self._suspects[row_id] = Retrieve(arrived.item.listed, row_id, recheck=True)

    def attempt(
        self, tx: WriteTx, item: Retrieve, reason: str, now: datetime, *, temporary: bool
    ) -> None:
        """Counts a retrieval that failed; one that is `temporary` is never the last one."""
        entries.attempt(
            tx, self._account_id, item, self.row(item), reason, now, temporary=temporary
        )

    def too_large(self, tx: WriteTx, messages: Sequence[Listed], now: datetime) -> None:
        """Notes messages that stay upstream because of their size."""
        rows = {row.uidl: row for row in self._rows.values() if row.state not in SETTLED}
        for listed in messages:
            row = rows.pop(listed.uidl, None) if listed.uidl else None
            entries.too_large(tx, self._account_id, listed, row, now)

    def outgrown(self, tx: WriteTx, item: Retrieve, size: int, now: datetime) -> None:
        """Notes a message that stays upstream because it has more octets than it was listed with.

        `size` is more than the limit, so that it is tried again once that is raised.
        """
        if item.listed.uidl is None:
            # Its listed size tells nothing, so it can't be told from others the next time.
            self.attempt(tx, item, "larger than it was listed", now, temporary=True)
        else:
            listed = replace(item.listed, size=size)
            entries.too_large(tx, self._account_id, listed, self.row(item), now)

    def _offer(self, row: Known, message_id: bytes) -> None:
        if row.full_hash:
            self._by_hash[row.full_hash].append(row)
        if message_id and row.body_hash:
            self._by_id[message_id, row.body_hash].append(row)

    def _find(self, message: StoredMessage) -> Known | None:
        for waiting in (
            self._by_hash.get(message.full_hash),
            self._by_id.get((message.message_id, message.body_hash)),
        ):
            while waiting:
                row = waiting.popleft()
                if row.id not in self._taken:
                    self._taken.add(row.id)
                    return row
        return None
