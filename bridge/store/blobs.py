"""The octets of messages, in chunk rows; written, read by slices, and deleted by slices."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select, update

from bridge.model.ids import MessageId
from bridge.store import schema
from bridge.store.base import Reads, Writes

DROP_CHUNKS = 16
"""Deleted in one piece (4 MiB, about 2 ms): clients must not wait for a large message to go."""

_B, _C = schema.blob.c, schema.chunk.c
_CHUNKS = (
    select(_C.data)
    .select_from(schema.chunk.join(schema.message, schema.message.c.blob_id == _C.blob_id))
    .where(
        schema.message.c.id == bindparam("message"),
        _C.seq.between(bindparam("first"), bindparam("last")),
    )
    .order_by(_C.seq)
)
_STAGED_CHUNK = select(_C.data).where(_C.blob_id == bindparam("blob"), _C.seq == bindparam("seq"))
_ADD_BLOB = insert(schema.blob)
_ADD_BLOBS = insert(schema.blob).inline()
_ADD_CHUNK = insert(schema.chunk)
_ADD_CHUNKS = insert(schema.chunk).inline()
_SEAL = update(schema.blob).where(_B.id == bindparam("blob")).values(sealed=True)
_LAST_CHUNKS = (
    select(_C.seq)
    .where(_C.blob_id == bindparam("blob"))
    .order_by(_C.seq.desc())
    .limit(bindparam("most"))
)
_DELETE_CHUNKS = delete(schema.chunk).where(
    _C.blob_id == bindparam("blob"), _C.seq >= bindparam("first")
)
_DELETE_BLOB = delete(schema.blob).where(_B.id == bindparam("blob"))
_UNSEALED = select(_B.id).where(_B.id == bindparam("blob"), ~_B.sealed)
_DROP = update(schema.blob).where(_B.id == bindparam("blob"), ~_B.sealed).values(dropped=True)
_DROP_ALL = update(schema.blob).where(~_B.sealed, ~_B.dropped).values(dropped=True)
_DROPPED = select(_B.id).where(~_B.sealed, _B.dropped).limit(1)


class BlobReads(Reads):
    """Queries about octets."""

    def octets(self, message_id: MessageId, start: int, end: int) -> bytes:
        """Octets [start, end) of a message; shorter where the message ends."""
        if end <= start:
            return b""
        first, last = start // schema.CHUNK_OCTETS, (end - 1) // schema.CHUNK_OCTETS
        rows = self.all(_CHUNKS, message=message_id, first=first, last=last)
        base = first * schema.CHUNK_OCTETS
        joined: bytes = rows[0][0] if len(rows) == 1 else b"".join(data for (data,) in rows)
        return joined[start - base : end - base]

    def staged_chunk(self, stage: int, seq: int) -> bytes:
        """Chunk `seq` of a stage; none behind its last."""
        row = self.one(_STAGED_CHUNK, blob=stage, seq=seq)
        return b"" if row is None else bytes(row[0])


class BlobWrites(Writes, BlobReads):
    """Stages, and the end of octets."""

    def stage_begin(self) -> int:
        """Opens a blob that nobody can see until a message seals it."""
        return self.insert(_ADD_BLOB, sealed=False, dropped=False)

    def stage_chunk(self, stage: int, seq: int, data: bytes) -> None:
        """Adds chunk `seq`, from 0; every one but the last has `CHUNK_OCTETS` octets."""
        self.octets_written += len(data)
        self.do(_ADD_CHUNK, blob_id=stage, seq=seq, data=data)

    def stage_drop(self, stage: int) -> None:
        """Removes a blob that never became a message; of a large one `tidy_blob` does the rest."""
        if self.one(_UNSEALED, blob=stage) is not None and not self._delete_slice(stage):
            self.do(_DROP, blob=stage)

    def sweep_stages(self) -> int:
        """Drops what an interrupted process left staged; how many."""
        return self.do(_DROP_ALL)

    def tidy_blob(self) -> bool:
        """Deletes a slice of what was dropped; whether there was any."""
        row = self.one(_DROPPED)
        if row is not None:
            self._delete_slice(row[0])
        return row is not None

    def _delete_slice(self, blob: int) -> bool:
        """Deletes the last chunks of a blob; whether that was all of it."""
        seqs = self.all(_LAST_CHUNKS, blob=blob, most=DROP_CHUNKS + 1)
        whole = len(seqs) <= DROP_CHUNKS
        if seqs:
            self.do(_DELETE_CHUNKS, blob=blob, first=0 if whole else seqs[-2][0])
        if whole:
            self.do(_DELETE_BLOB, blob=blob)
        return whole

    def _write_blobs(self, all_octets: Sequence[bytes | int]) -> list[int]:
        """A sealed blob for each: of octets, or of the stage with that number."""
        fresh = [octets for octets in all_octets if not isinstance(octets, int)]
        keys = self.insert_keyed(_ADD_BLOBS, ("sealed", "dropped"), [(True, False)] * len(fresh))
        chunks = [
            (blob, seq, octets[start : start + schema.CHUNK_OCTETS])
            for blob, octets in zip(keys, fresh, strict=True)
            for seq, start in enumerate(range(0, len(octets), schema.CHUNK_OCTETS))
        ]
        self.insert_all(_ADD_CHUNKS, ("blob_id", "seq", "data"), chunks)
        self.octets_written += sum(map(len, fresh))
        unused = iter(keys)
        return [
            self._sealed(octets) if isinstance(octets, int) else next(unused)
            for octets in all_octets
        ]

    def _sealed(self, stage: int) -> int:
        self.do(_SEAL, blob=stage)
        return stage
