"""SEARCH (RFC 9051 §6.4.4; RFC 3501 §7.2.5; RFC 7162 §3.1.5)."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from bridge.imap.commands.search import Search
from bridge.model.search import SearchKey
from bridge.query.evaluate import Candidate, Predicate, needs, predicate, split
from bridge.session.context import Context
from bridge.session.mask import positions_of
from bridge.session.reply import Ok
from bridge.session.view import View
from bridge.store.tx import ReadTx

BATCH_MESSAGES = 1000
"""Looked at in one turn of a reading thread, so that others get theirs."""


async def search(context: Context, command: Search) -> Ok:
    """Finds messages; what is expunged and not yet announced is left out."""
    view = context.selected
    if command.modseq:
        # It asks for what changed: in the mailbox, not in what this session knows of it.
        await context.sync(expunge=False, always=True)
    found = await matching(context, view, command.key)
    numbers = [view.uids[p] if command.uid else p + 1 for p in found]
    highest = b""
    if command.modseq and found:
        highest = b" (MODSEQ %d)" % max(map(view.modseq, found))
    context.write(b"* SEARCH", *(b" %d" % number for number in numbers), highest, b"\r\n")
    return Ok("Done")


async def matching(context: Context, view: View, key: SearchKey) -> list[int]:
    """The positions that match, ascending."""
    plan = _Plan(view, key, context.services.clock())
    every, read = range(view.count), context.services.database.read
    # A large mailbox takes milliseconds, which are not the reactor's to lose.
    large = view.count > BATCH_MESSAGES
    possible = await read(lambda tx: plan.in_view(every)) if large else plan.in_view(every)
    if not plan.asks_store:
        return possible
    found: list[int] = []
    for start in range(0, len(possible), BATCH_MESSAGES):
        some = possible[start : start + BATCH_MESSAGES]
        found += await read(partial(plan.in_store, positions=some))
    return found


class _Plan:
    """A search made ready. It runs in a reading thread, so that the reactor isn't held up.

    Nothing changes the view meanwhile: a session runs one command at a time.
    """

    def __init__(self, view: View, key: SearchKey, now: datetime) -> None:
        self._cheap, rest = split(key)
        self._view = view
        self._rest: Predicate | None = None
        self._needs: frozenset[str] = frozenset()
        if rest is not None:
            self._rest = predicate(rest, last_seq=view.count, last_uid=view.last_uid, now=now)
            self._needs = needs(rest).fields

    def in_view(self, positions: range) -> list[int]:
        """Those of `positions` that flags and numbers don't rule out."""
        view, vanished = self._view, self._view.vanished
        found = positions_of(view, self._cheap, positions)
        if len(vanished):
            found = [position for position in found if view.uids[position] not in vanished]
        return found

    @property
    def asks_store(self) -> bool:
        """Whether what flags and numbers leave has to be looked at."""
        return self._rest is not None

    def in_store(self, tx: ReadTx, *, positions: list[int]) -> list[int]:
        """Those of `positions` that match."""
        assert self._rest is not None
        return [one.seq - 1 for one in self._loaded(tx, positions) if self._rest(one)]

    def _loaded(self, tx: ReadTx, positions: list[int]) -> Iterator[Candidate]:
        """What the store has of these messages; a message that is purged is left out."""
        view = self._view
        names = tuple(sorted(self._needs))
        uids = [view.uids[position] for position in positions]
        found = tx.searched(view.mailbox.id, uids, frozenset(names))
        places = view.positions([row[0] for row in found])
        for position, row in zip(places, found, strict=True):
            yield Candidate(
                seq=position + 1,
                uid=row[0],
                modseq=view.modseq(position),
                flags=view.searched_flags(position),
                **dict(zip(names, row[1:], strict=True)),
            )
