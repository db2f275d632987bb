"""Messages in mailboxes: their UIDs, flags and modseqs; what a client sees change."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Executable,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from bridge.model.change import FlagChange, MailboxDelta, MailboxSnapshot
from bridge.model.flags import DELETED, SEEN, FlagOp, apply
from bridge.model.ids import AccountId, MailboxId, MessageId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.numset import compact
from bridge.store import schema
from bridge.store.base import utc_text
from bridge.store.mailboxes import MailboxReads, MailboxWrites

MAX_SETS = 16
"""Sets of flags in one run: each costs a pass over the run, more of them would add up."""

HOUR_TEXT = len("2026-11-24T18")
"""Of a time as text, what tells the hour."""

MAX_RUNS = 20
"""More runs of UIDs than this cost more statements than reading past what lies between."""

_P, _F = schema.placement.c, schema.flagset.c
_IN = _P.mailbox_id == bindparam("mailbox")
_HERE = (_IN, _P.expunged_modseq.is_(None))
_LIVE = select(_P.uid, _P.flagset_id, _P.modseq).where(*_HERE).order_by(_P.uid)
_DELETED = (
    select(_P.uid)
    .select_from(schema.placement.join(schema.flagset))
    .where(*_HERE, (" " + _F.flags + " ").contains(f" {DELETED} ", autoescape=True))
    .order_by(_P.uid)
)
_DELETED_SIZE = (
    select(func.coalesce(func.sum(schema.message.c.size), 0))
    .select_from(schema.placement.join(schema.flagset).join(schema.message))
    .where(*_HERE, (" " + _F.flags + " ").contains(f" {DELETED} ", autoescape=True))
)
_DELETED_SIZES = (
    select(_P.mailbox_id, func.sum(schema.message.c.size))
    .select_from(
        schema.placement.join(schema.flagset)
        .join(schema.message)
        .join(schema.mailbox, schema.mailbox.c.id == _P.mailbox_id)
    )
    .where(
        schema.mailbox.c.account_id == bindparam("account"),
        schema.mailbox.c.deleted > 0,
        _P.expunged_modseq.is_(None),
        (" " + _F.flags + " ").contains(f" {DELETED} ", autoescape=True),
    )
    .group_by(_P.mailbox_id)
)
_SINCE = (
    select(_P.uid, _F.flags, _P.modseq, _P.created_modseq, _P.expunged_modseq)
    .select_from(schema.placement.join(schema.flagset))
    .where(_IN, _P.modseq > bindparam("since"))
    .order_by(_P.uid)
)
_EXPUNGED = (
    select(_P.uid)
    .where(
        _IN,
        _P.expunged_modseq > bindparam("since"),
        _P.expunged_modseq <= bindparam("until"),
    )
    .order_by(_P.uid)
)
_FLOOR = select(schema.mailbox.c.tombstone_floor).where(schema.mailbox.c.id == bindparam("mailbox"))
_BETWEEN = _P.uid.between(bindparam("low"), bindparam("high"))
_PLACED = (
    select(_P.uid, _P.flagset_id, schema.message.c.size)
    .select_from(schema.placement.join(schema.message))
    .where(*_HERE, _BETWEEN)
    .order_by(_P.uid)
)
_FLAGGED = select(_P.uid, _P.flagset_id, literal(0)).where(*_HERE, _BETWEEN).order_by(_P.uid)
_STATES = (
    select(_P.uid, _F.flags, _P.modseq)
    .select_from(schema.placement.join(schema.flagset))
    .where(*_HERE, _BETWEEN)
    .order_by(_P.uid)
)
_SET_FLAGS = (
    update(schema.placement)
    .where(*_HERE, _BETWEEN, _P.flagset_id == bindparam("old"))
    .values(flagset_id=bindparam("new"), modseq=bindparam("now"))
)
_EXPUNGE = (
    update(schema.placement)
    .where(*_HERE, _BETWEEN)
    .values(expunged_modseq=bindparam("now"), modseq=bindparam("now"))
)
_G, _X = schema.message.c, schema.expunge_hour.c
_OTHER = schema.placement.alias("other")
_GONE_FROM_ALL = ~exists().where(_OTHER.c.message_id == _G.id, _OTHER.c.expunged_modseq.is_(None))
_MARK_EXPUNGED = (
    update(schema.message)
    .where(
        _G.id.in_(
            select(_P.message_id).where(_IN, _BETWEEN, _P.expunged_modseq == bindparam("now"))
        ),
        _GONE_FROM_ALL,
    )
    .values(expunged_at=bindparam("at"), expunged_from=bindparam("mailbox"))
)
_FORGET_HOUR = delete(schema.expunge_hour).where(
    _X.mailbox_id == bindparam("mailbox"), _X.hour == bindparam("in_hour")
)
_NOTE_HOUR = insert(schema.expunge_hour)
_PLACE = insert(schema.placement).inline()
_PLACED_COLUMNS = tuple(column.name for column in _P)
_COPIED = select(
    bindparam("target").label("mailbox_id"),
    (bindparam("base") + func.row_number().over(order_by=_P.uid)).label("uid"),
    _P.message_id,
    _P.flagset_id,
    bindparam("now").label("modseq"),
    bindparam("now").label("created_modseq"),
    null().label("expunged_modseq"),
    bindparam("savedate").label("savedate"),
).where(*_HERE, _BETWEEN)
_COPY = insert(schema.placement).from_select([c.name for c in _COPIED.selected_columns], _COPIED)
_FLAGSET = select(_F.id).where(_F.flags == bindparam("flags"))
_FLAGSET_BY_ID = select(_F.flags).where(_F.id == bindparam("id"))
_ADD_FLAGSET = insert(schema.flagset)


@dataclass(slots=True)
class Run:
    """Live messages of a mailbox, with no other live one between them; `size` is in octets."""

    uids: list[int] = field(default_factory=list)
    flagsets: list[int] = field(default_factory=list)
    size: int = 0

    @property
    def ends(self) -> dict[str, Any]:
        """As statements take them."""
        return {"low": self.uids[0], "high": self.uids[-1]}


@dataclass(frozen=True, slots=True)
class Move:
    """From one set of flags to another, and what that does to a mailbox's counters."""

    new: int
    flags: frozenset[str]
    unseen: int
    deleted: int


class PlacementReads(MailboxReads):
    """Queries about what is in a mailbox."""

    def snapshot(self, mailbox: Mailbox) -> MailboxSnapshot:
        """The live messages of `mailbox`, as arrays."""
        rows = self.all(_LIVE, mailbox=mailbox.id)
        uids, flagsets, modseqs = zip(*rows, strict=True) if rows else ((), (), ())
        index = {number: place for place, number in enumerate(dict.fromkeys(flagsets))}
        return MailboxSnapshot(
            mailbox,
            array("I", uids),
            array("I", [index[number] for number in flagsets]),
            array("Q", modseqs),
            tuple(map(self._flags_by_id, index)),
        )

    def delta(self, mailbox: Mailbox, since: ModSeq) -> MailboxDelta:
        """All that changed in `mailbox` after `since`; one query, whatever the backlog."""
        added: list[FlagChange] = []
        changed: list[FlagChange] = []
        vanished: list[Uid] = []
        for uid, text, modseq, created, expunged in self.all(
            _SINCE, mailbox=mailbox.id, since=since
        ):
            if expunged is None:
                change = FlagChange(uid=Uid(uid), flags=flags_of(text), modseq=ModSeq(modseq))
                (added if created > since else changed).append(change)
            elif created <= since:
                vanished.append(Uid(uid))
        floor = self.one(_FLOOR, mailbox=mailbox.id)
        return MailboxDelta(
            mailbox=mailbox,
            since=since,
            added=tuple(added),
            changed=tuple(changed),
            vanished=tuple(vanished),
            complete=floor is not None and since >= floor[0],
        )

    def expunged_between(
        self, mailbox_id: MailboxId, since: int, until: ModSeq
    ) -> "array[int] | None":
        """The UIDs that were expunged after `since` and not after `until`, ascending.

        Those that came after `since` are among them, as a client may know them without having
        been told a modseq. None where it isn't known any more.
        """
        floor = self.one(_FLOOR, mailbox=mailbox_id)
        if floor is None or since < floor[0]:
            return None
        rows = self.all(_EXPUNGED, mailbox=mailbox_id, since=since, until=until)
        return array("I", [uid for (uid,) in rows])

    def flag_states(self, mailbox_id: MailboxId, uids: Iterable[int]) -> list[FlagChange]:
        """Flags and modseq of the live messages among `uids`, ascending."""
        wanted = set(uids)
        return [
            FlagChange(uid=Uid(uid), flags=flags_of(text), modseq=ModSeq(modseq))
            for rows in self._between(_STATES, mailbox_id, sorted(wanted))
            for uid, text, modseq in rows
            if uid in wanted
        ]

    def marked_deleted(self, mailbox_id: MailboxId) -> tuple[Uid, ...]:
        """The live UIDs with \\Deleted, ascending."""
        return tuple(uid for (uid,) in self.all(_DELETED, mailbox=mailbox_id))

    def deleted_size(self, mailbox_id: MailboxId) -> int:
        """Octets of the live messages with \\Deleted."""
        row = self.one(_DELETED_SIZE, mailbox=mailbox_id)
        return 0 if row is None else int(row[0])

    def deleted_sizes(self, account_id: AccountId) -> dict[MailboxId, int]:
        """Octets of the live messages with \\Deleted, in the mailboxes that have some."""
        return {MailboxId(box): size for box, size in self.all(_DELETED_SIZES, account=account_id)}

    def _between(
        self, statement: Executable, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a statement over [low, high], in as many runs of ascending `uids` as pay."""
        for low, high in self._runs_of(uids):
            yield self.all(statement, mailbox=mailbox_id, low=low, high=high)

    def _runs_of(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        """(low, high) of as many runs of ascending `uids` as pay; none if there are none."""
        runs = list(compact(uids))
        return [(uids[0], uids[-1])] if len(runs) > MAX_RUNS else runs

    def _flags_by_id(self, number: int) -> frozenset[str]:
        row = self.one(_FLAGSET_BY_ID, id=number)
        assert row is not None
        return flags_of(row[0])


class PlacementWrites(MailboxWrites, PlacementReads):
    """Changes to what is in a mailbox: few statements, however many messages."""

    def store_flags(
        self, mailbox_id: MailboxId, uids: Iterable[int], op: FlagOp, named: frozenset[str]
    ) -> list[FlagChange]:
        """Applies a STORE; what changed, by uid. What already is as asked keeps its modseq."""
        named = self.spelled(mailbox_id, named, new=op is not FlagOp.REMOVE)
        moves: dict[int, Move] = {}
        rows: list[dict[str, Any]] = []
        moved: list[tuple[int, frozenset[str]]] = []
        unseen = deleted = 0
        for run in self._runs(_FLAGGED, mailbox_id, sorted(uids)):
            for flagset, count in Counter(run.flagsets).items():
                if flagset not in moves:
                    moves[flagset] = self._move(flagset, op, named)
                move = moves[flagset]
                if move.new != flagset:
                    rows.append({**run.ends, "old": flagset, "new": move.new})
                    unseen += count * move.unseen
                    deleted += count * move.deleted
            moved += [
                (uid, moves[flagset].flags)
                for uid, flagset in zip(run.uids, run.flagsets, strict=True)
                if moves[flagset].new != flagset
            ]
        if not rows:
            return []
        _, modseq = self._advance(mailbox_id, unseen=unseen, deleted=deleted)
        self.do_all(_SET_FLAGS, [{"mailbox": mailbox_id, "now": modseq, **row} for row in rows])
        return [FlagChange(uid=Uid(uid), flags=flags, modseq=modseq) for uid, flags in moved]

    def expunge(self, mailbox_id: MailboxId, uids: Iterable[int], now: datetime) -> tuple[Uid, ...]:
        """Expunges; their octets stay readable to sessions that haven't been told.

        Messages that are in no mailbox any more are marked as expunged at `now`: what is moved
        has to be copied first.
        """
        runs = list(self._runs(_PLACED, mailbox_id, sorted(uids)))
        if not runs:
            return ()
        mailbox = self.mailbox_by_id(mailbox_id)
        assert mailbox is not None
        gone = tuple(Uid(uid) for run in runs for uid in run.uids)
        _, modseq = self._advance(
            mailbox_id,
            messages=-len(gone),
            recent=-sum(uid >= mailbox.first_recent_uid for uid in gone),
            **{name: -value for name, value in self._counted(runs).items()},
        )
        common = {"mailbox": mailbox_id, "now": modseq}
        self.do_all(_EXPUNGE, [{**common, **run.ends} for run in runs])
        at = utc_text(now)
        self.do_all(_MARK_EXPUNGED, [{**common, **run.ends, "at": at} for run in runs])
        hour = at[:HOUR_TEXT]
        self.do(_FORGET_HOUR, mailbox=mailbox_id, in_hour=hour)
        self.do(_NOTE_HOUR, mailbox_id=mailbox_id, hour=hour, modseq=modseq)
        return gone

    def copy(
        self, mailbox_id: MailboxId, uids: Iterable[int], target: MailboxId, now: datetime
    ) -> tuple[tuple[Uid, Uid], ...]:
        """(source, new) UIDs of the copies, ascending; no octet is copied."""
        runs = list(self._runs(_PLACED, mailbox_id, sorted(uids)))
        if not runs:
            return ()
        copied = [uid for run in runs for uid in run.uids]
        count = len(copied)
        first, modseq = self._advance(
            target, placed=count, messages=count, recent=count, **self._counted(runs)
        )
        common = {"mailbox": mailbox_id, "target": target, "now": modseq, "savedate": utc_text(now)}
        rows, base = [], first - 1
        for run in runs:
            rows.append({**common, **run.ends, "base": base})
            base += len(run.uids)
        self.do_all(_COPY, rows)
        self._respell(target, runs, {"low": first, "high": base, "now": modseq})
        return tuple((Uid(old), Uid(new)) for new, old in enumerate(copied, first))

    def _respell(self, target: MailboxId, runs: Iterable[Run], where: dict[str, Any]) -> None:
        """Gives copies the keywords as their mailbox spells them."""
        rows = []
        for old in {flagset for run in runs for flagset in run.flagsets}:
            new = self._flagset(self.spelled(target, self._flags_by_id(old)))
            if new != old:
                rows.append({**where, "mailbox": target, "old": old, "new": new})
        self.do_all(_SET_FLAGS, rows)

    def _place(
        self,
        mailbox_id: MailboxId,
        messages: Sequence[tuple[MessageId, int, str]],
        flags: frozenset[str],
    ) -> range:
        """Puts messages, of each (id, octets, time of saving), into a mailbox; their UIDs."""
        flags = self.spelled(mailbox_id, flags)
        count = len(messages)
        first, modseq = self._advance(
            mailbox_id,
            placed=count,
            messages=count,
            recent=count,
            unseen=count * (SEEN not in flags),
            deleted=count * (DELETED in flags),
            size=sum(size for _, size, _ in messages),
        )
        flagset = self._flagset(flags)
        rows = [
            (mailbox_id, uid, message_id, flagset, modseq, modseq, None, now)
            for uid, (message_id, _, now) in enumerate(messages, first)
        ]
        self.insert_all(_PLACE, _PLACED_COLUMNS, rows)
        return range(first, first + count)

    def _runs(
        self, statement: Executable, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> Iterator[Run]:
        """The live messages among ascending `uids`."""
        wanted = set(uids)
        for rows in self._between(statement, mailbox_id, uids):
            run, sets = Run(), set[int]()
            for uid, flagset, size in rows:
                sets.add(flagset)
                if uid not in wanted or len(sets) > MAX_SETS:
                    if run.uids:
                        yield run
                    run, sets = Run(), {flagset}
                if uid in wanted:
                    run.uids.append(uid)
                    run.flagsets.append(flagset)
                    run.size += size
            if run.uids:
                yield run

    def _counted(self, runs: Sequence[Run]) -> dict[str, int]:
        """What the messages of `runs` are in a mailbox's counters."""
        counts = Counter(flagset for run in runs for flagset in run.flagsets)
        unseen = deleted = 0
        for flagset, count in counts.items():
            flags = self._flags_by_id(flagset)
            unseen += count * (SEEN not in flags)
            deleted += count * (DELETED in flags)
        return {"unseen": unseen, "deleted": deleted, "size": sum(run.size for run in runs)}

    def _move(self, flagset: int, op: FlagOp, named: frozenset[str]) -> Move:
        old = self._flags_by_id(flagset)
        new = apply(op, old, named)
        return Move(
            new=flagset if new == old else self._flagset(new),
            flags=new,
            unseen=(SEEN in old) - (SEEN in new),
            deleted=(DELETED in new) - (DELETED in old),
        )

    def _flagset(self, flags: frozenset[str]) -> int:
        text = " ".join(sorted(flags))
        row = self.one(_FLAGSET, flags=text)
        return row[0] if row else self.insert(_ADD_FLAGSET, flags=text)


@lru_cache(maxsize=4096)
def flags_of(text: str) -> frozenset[str]:
    """The flags of a set as the store writes it."""
    return frozenset(text.split())
