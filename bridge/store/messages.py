"""Messages: octets in chunk rows, and their placements in mailboxes."""

import json
import secrets
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from bridge.model.change import FlagChange, MailboxDelta, MailboxSnapshot
from bridge.model.flags import FlagOp, apply
from bridge.model.ids import MailboxId, MessageId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.message import StoredMessage
from bridge.store import schema
from bridge.store.base import time_text, utc_text
from bridge.store.mailboxes import MailboxReads, MailboxWrites

_P = schema.placement.c
_LIVE = (
    select(_P.uid, schema.flagset.c.flags, _P.modseq)
    .select_from(schema.placement.join(schema.flagset))
    .where(_P.mailbox_id == bindparam("mailbox"), _P.expunged_modseq.is_(None))
    .order_by(_P.uid)
)
_SINCE = (
    select(_P.uid, schema.flagset.c.flags, _P.modseq, _P.created_modseq, _P.expunged_modseq)
    .select_from(schema.placement.join(schema.flagset))
    .where(_P.mailbox_id == bindparam("mailbox"), _P.modseq > bindparam("since"))
    .order_by(_P.uid)
)
_FLOOR = select(schema.mailbox.c.tombstone_floor).where(schema.mailbox.c.id == bindparam("mailbox"))
_PLACED = select(_P.uid, _P.message_id, _P.flagset_id).where(
    _P.mailbox_id == bindparam("mailbox"),
    _P.uid.between(bindparam("low"), bindparam("high")),
    _P.expunged_modseq.is_(None),
)
_CHUNKS = (
    select(schema.chunk.c.seq, schema.chunk.c.data)
    .select_from(
        schema.chunk.join(schema.message, schema.message.c.blob_id == schema.chunk.c.blob_id)
    )
    .where(
        schema.message.c.id == bindparam("message"),
        schema.chunk.c.seq.between(bindparam("first"), bindparam("last")),
    )
    .order_by(schema.chunk.c.seq)
)
_FLAGS = select(schema.flagset.c.id).where(schema.flagset.c.flags == bindparam("flags"))
_FLAGS_BY_ID = select(schema.flagset.c.flags).where(schema.flagset.c.id == bindparam("id"))
_HASH = select(schema.message.c.full_hash).where(schema.message.c.id == bindparam("message"))


_AS_THEY_ARE = (
    "size",
    "full_hash",
    "canonical_hash",
    "body_hash",
    "message_id",
    "in_reply_to",
    "references",
    "subject",
    "from_key",
    "to_key",
    "cc_key",
    "preview",
)


@dataclass(frozen=True, slots=True)
class Added:
    """Where a new message stands."""

    uid: Uid
    message_id: MessageId


class MessageReads(MailboxReads):
    """Queries about messages."""

    def snapshot(self, mailbox: Mailbox) -> MailboxSnapshot:
        """The live messages of `mailbox`, as arrays."""
        index: dict[str, int] = {}
        uids, flags, modseqs = array("I"), array("I"), array("Q")
        for uid, text, modseq in self.all(_LIVE, mailbox=mailbox.id):
            uids.append(uid)
            flags.append(index.setdefault(text, len(index)))
            modseqs.append(modseq)
        return MailboxSnapshot(mailbox, uids, flags, modseqs, tuple(map(_flags, index)))

    def delta(self, mailbox: Mailbox, since: ModSeq) -> MailboxDelta:
        """All that changed in `mailbox` after `since`; one query, whatever the backlog."""
        added: list[FlagChange] = []
        changed: list[FlagChange] = []
        vanished: list[Uid] = []
        for uid, text, modseq, created, expunged in self.all(
            _SINCE, mailbox=mailbox.id, since=since
        ):
            if expunged is None:
                change = FlagChange(uid=Uid(uid), flags=_flags(text), modseq=ModSeq(modseq))
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

    def octets(self, message_id: MessageId, start: int, end: int) -> bytes:
        """Octets [start, end) of a message; shorter where the message ends."""
        if end <= start:
            return b""
        first, last = start // schema.CHUNK_OCTETS, (end - 1) // schema.CHUNK_OCTETS
        rows = self.all(_CHUNKS, message=message_id, first=first, last=last)
        base = first * schema.CHUNK_OCTETS
        return b"".join(data for _, data in rows)[start - base : end - base]

    def message_hash(self, message_id: MessageId) -> bytes | None:
        """The SHA-256 of the octets as they arrived."""
        row = self.one(_HASH, message=message_id)
        return None if row is None else bytes(row[0])


class MessageWrites(MailboxWrites, MessageReads):
    """Changes to messages."""

    def stage_begin(self) -> int:
        """Opens a blob that nobody can see until a message seals it."""
        return self.insert(insert(schema.blob), sealed=False)

    def stage_chunk(self, stage: int, seq: int, data: bytes) -> None:
        """Adds chunk `seq`, from 0; every one but the last has `CHUNK_OCTETS` octets."""
        self.do(insert(schema.chunk), blob_id=stage, seq=seq, data=data)

    def stage_drop(self, stage: int) -> None:
        """Removes a blob that never became a message."""
        self.do(delete(schema.blob).where(schema.blob.c.id == stage, ~schema.blob.c.sealed))

    def sweep_stages(self) -> int:
        """Removes what an interrupted process left staged; how many."""
        return self.do(delete(schema.blob).where(~schema.blob.c.sealed))

    def add_message(
        self,
        mailbox: Mailbox,
        message: StoredMessage,
        octets: bytes | int,
        *,
        now: datetime,
        flags: frozenset[str] = frozenset(),
    ) -> Added:
        """Makes a message exist: octets, or the number of a stage, with UID and MODSEQ."""
        blob = octets if isinstance(octets, int) else self._write_blob(octets)
        self.do(update(schema.blob).where(schema.blob.c.id == blob), sealed=True)
        key = self._write_message(mailbox, message, blob)
        uid = self._place(mailbox.id, key, self._flagset(flags), utc_text(now))
        return Added(uid, key)

    def store_flags(
        self, mailbox_id: MailboxId, uids: Iterable[int], op: FlagOp, named: frozenset[str]
    ) -> list[FlagChange]:
        """Applies a STORE; what changed, by uid. What already is as asked keeps its modseq."""
        modseq: ModSeq | None = None
        changes = []
        sets: dict[int, tuple[int, frozenset[str], bool]] = {}
        for uid, _, flagset in self._placed(mailbox_id, sorted(uids)):
            if flagset not in sets:
                row = self.one(_FLAGS_BY_ID, id=flagset)
                assert row is not None
                old = _flags(row[0])
                new = apply(op, old, named)
                sets[flagset] = (self._flagset(new), new, new != old)
            number, flags, differs = sets[flagset]
            if differs:
                modseq = modseq or self.next_modseq(mailbox_id)
                self.do(
                    update(schema.placement).where(_P.mailbox_id == mailbox_id, _P.uid == uid),
                    flagset_id=number,
                    modseq=modseq,
                )
                changes.append(FlagChange(uid=Uid(uid), flags=flags, modseq=modseq))
        return changes

    def expunge(self, mailbox_id: MailboxId, uids: Iterable[int]) -> tuple[Uid, ...]:
        """Expunges; their octets stay readable to sessions that haven't been told."""
        gone = [Uid(uid) for uid, _, _ in self._placed(mailbox_id, sorted(uids))]
        if gone:
            modseq = self.next_modseq(mailbox_id)
            for uid in gone:
                self.do(
                    update(schema.placement).where(_P.mailbox_id == mailbox_id, _P.uid == uid),
                    expunged_modseq=modseq,
                    modseq=modseq,
                )
        return tuple(gone)

    def copy(
        self, mailbox_id: MailboxId, uids: Iterable[int], target: MailboxId, now: datetime
    ) -> tuple[tuple[Uid, Uid], ...]:
        """(source, new) UIDs of the copies, ascending; no octet is copied."""
        return tuple(
            (Uid(uid), self._place(target, MessageId(key), flagset, utc_text(now)))
            for uid, key, flagset in self._placed(mailbox_id, sorted(uids))
        )

    def _placed(self, mailbox_id: MailboxId, uids: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        if uids:
            wanted = set(uids)
            rows = self.all(_PLACED, mailbox=mailbox_id, low=uids[0], high=uids[-1])
            yield from ((uid, key, flags) for uid, key, flags in sorted(rows) if uid in wanted)

    def _place(self, mailbox_id: MailboxId, key: MessageId, flagset: int, savedate: str) -> Uid:
        uid, modseq = self.next_uid(mailbox_id), self.next_modseq(mailbox_id)
        self.do(
            insert(schema.placement),
            mailbox_id=mailbox_id,
            uid=uid,
            message_id=key,
            flagset_id=flagset,
            modseq=modseq,
            created_modseq=modseq,
            savedate=savedate,
        )
        return uid

    def _flagset(self, flags: frozenset[str]) -> int:
        text = " ".join(sorted(flags))
        row = self.one(_FLAGS, flags=text)
        return row[0] if row else self.insert(insert(schema.flagset), flags=text)

    def _write_blob(self, octets: bytes) -> int:
        blob = self.stage_begin()
        for seq, start in enumerate(range(0, len(octets), schema.CHUNK_OCTETS)):
            self.stage_chunk(blob, seq, octets[start : start + schema.CHUNK_OCTETS])
        return blob

    def _write_message(self, mailbox: Mailbox, message: StoredMessage, blob: int) -> MessageId:
        key = self.insert(
            insert(schema.message),
            account_id=mailbox.account_id,
            blob_id=blob,
            emailid=secrets.token_hex(12),
            internal_date=time_text(message.internal_date),
            sent_date=time_text(message.sent_date),
            **{name: getattr(message, name) for name in _AS_THEY_ARE},
        )
        self.do(
            insert(schema.shape),
            message_id=key,
            parts=json.dumps([astuple(part) for part in message.parts]).encode(),
            **{
                name: getattr(message, name)
                for name in ("header", "envelope", "body", "bodystructure")
            },
        )
        self.do(insert(schema.message_text), message_id=key, folded=message.search_text)
        return MessageId(key)


def _flags(text: str) -> frozenset[str]:
    return frozenset(text.split())
