"""What headers tell of messages whose UIDL says too little. Pure.

Header and size are evidence, not proof: what is recognised by them is not fetched again, but
never deleted upstream until it was.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bridge.model.upstream import Inquiry, Known, Listed, Retrieve, SyncPlan
from bridge.sync.plan import in_order


@dataclass(frozen=True, slots=True)
class Recognised:
    """A listed message that was taken for a row's."""

    listed: Listed
    row: Known


def answered(
    planned: SyncPlan, left: Iterable[Known], hashes: Mapping[int, bytes | None]
) -> tuple[SyncPlan, tuple[Recognised, ...]]:
    """The plan once headers have told what they can, and whom they told of.

    Args:
        planned: with its inquiries.
        left: rows that the listing lacks, each good for one message.
        hashes: of the headers by number in the session; None where there was no answer.
    """
    rows: defaultdict[tuple[int, bytes], deque[Known]] = defaultdict(deque)
    for row in left:
        if row.full_hash and row.header_hash:
            rows[row.size, row.header_hash].append(row)
    recognised: list[Recognised] = []
    retrieve = list(planned.retrieve)
    for inquiry in planned.inquire:
        found = _row(inquiry, rows, hashes.get(inquiry.listed.number))
        if found is not None:
            recognised.append(Recognised(inquiry.listed, found))
        else:
            retrieve.append(_instead(inquiry))
    return replace(planned, retrieve=in_order(retrieve), inquire=()), tuple(recognised)


def _row(
    inquiry: Inquiry,
    rows: "Mapping[tuple[int, bytes], deque[Known]]",
    answer: bytes | None,
) -> Known | None:
    if inquiry.row is None:
        waiting = rows.get((inquiry.listed.size, answer)) if answer else None
        return waiting.popleft() if waiting else None
    if answer is None:
        return inquiry.row if inquiry.otherwise is None else None
    return inquiry.row if answer == inquiry.row.header_hash else None


def _instead(inquiry: Inquiry) -> Retrieve:
    if inquiry.otherwise is not None:
        return inquiry.otherwise
    assert inquiry.row is not None
    return Retrieve(inquiry.listed, inquiry.row.id, doubted=True)
