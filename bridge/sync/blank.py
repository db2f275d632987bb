"""Messages without UIDL: of what could not be retrieved only the size is known.

A size can't tell messages apart for sure, so such a message may be tried last and alone, but it is
never given up: that could be another one.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace

from bridge.model.upstream import Known, LedgerState, Listed, Retrieve, SyncPlan


def isolate(planned: SyncPlan, known: Iterable[Known]) -> SyncPlan:
    """The plan with messages without UIDL that seem to have failed before last and alone.

    What is too large and without UIDL is left out if as many of its size are noted.
    """
    failed: defaultdict[int, deque[Known]] = defaultdict(deque)
    noted: Counter[int] = Counter()
    for row in known:
        if not row.uidl and row.state is LedgerState.TOO_LARGE:
            noted[row.size] += 1
        elif not row.uidl and row.state is LedgerState.LISTED:
            failed[row.size].append(row)
    together: list[Retrieve] = []
    alone: list[Retrieve] = []
    for item in planned.retrieve:
        if item.listed.uidl is None and failed[item.listed.size]:
            row = failed[item.listed.size].popleft()
            alone.append(Retrieve(item.listed, row.id, alone=True))
        else:
            (alone if item.alone else together).append(item)
    too_large = tuple(listed for listed in planned.too_large if not _noted(listed, noted))
    return replace(planned, retrieve=(*together, *alone), too_large=too_large)


def _noted(listed: Listed, noted: "Counter[int]") -> bool:
    if listed.uidl is not None or not noted[listed.size]:
        return False
    noted[listed.size] -= 1
    return True
