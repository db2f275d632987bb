"""STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from bridge.imap.commands.store import Store
from bridge.model.change import FlagChange
from bridge.model.flags import RECENT, FlagOp, apply
from bridge.model.ids import Uid
from bridge.model.numset import NumSet
from bridge.session.context import Context
from bridge.session.refresh import announce_keywords, flags_line
from bridge.session.reply import No, Ok
from bridge.session.view import View
from bridge.store.tx import ReadTx, WriteTx

BATCH_MESSAGES = 500
"""Answered in one piece."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What one transaction did.

    `failed` were changed by others since; `kept` passed that test and are as asked already.
    """

    changes: list[FlagChange]
    failed: list[FlagChange] = field(default_factory=list)
    kept: list[FlagChange] = field(default_factory=list)


async def store(context: Context, command: Store) -> Ok:
    """Changes flags; unless silent, the new ones are shown for each message named.

    With UNCHANGEDSINCE, messages that others have changed since are left, shown as they are and
    listed in MODIFIED.

    Raises:
        No: the mailbox is read-only; or a message named by number is expunged, this client not
            yet told, and the answer would have to show its flags (RFC 2180 §4.2).
    """
    view = context.writable()
    positions = view.resolve(command.numbers, uid=command.uid)
    stored = await _change_flags(context, view, positions, command)
    told, bare = _note(view, command, stored, aware=context.condstore)
    # So the answer knows what others have done before this change, which they may have made idle.
    await context.sync(expunge=False, always=True)
    context.write(*announce_keywords(view))
    live = [p for p in positions if view.uids[p] not in view.vanished]
    shown = [p for p in live if view.uids[p] in told] if command.silent else live
    await _answer(context, view, shown, bare, uid=command.uid)
    code = _modified(view, live, stored.failed, uid=command.uid)
    must_show = not command.silent or command.unchanged_since is not None
    if must_show and len(live) < len(positions) and not command.uid:
        raise No("Some of these messages are expunged", code or "EXPUNGEISSUED")
    return Ok("Others have changed some of them since" if code else "Done", code.encode("ascii"))


async def _change_flags(
    context: Context, view: View, positions: Sequence[int], command: Store
) -> Stored:
    """Writes the change; with UNCHANGEDSINCE, the test and it are one transaction."""
    uids = [Uid(view.uids[position]) for position in positions]
    if not uids:
        return Stored([])
    mailbox_id, named = view.mailbox.id, _as_known(view, command.flags)
    since = command.unchanged_since

    def work(tx: WriteTx) -> Stored:
        if since is None:
            return Stored(tx.store_flags(mailbox_id, uids, command.op, named))
        states = tx.flag_states(mailbox_id, uids)
        failed = [s for s in states if not _unchanged(view, s, command.op, named, since)]
        left = {state.uid for state in failed}
        passed = [state for state in states if state.uid not in left]
        changes = tx.store_flags(mailbox_id, [s.uid for s in passed], command.op, named)
        changed = {change.uid for change in changes}
        return Stored(changes, failed, [s for s in passed if s.uid not in changed])

    return await context.services.database.write(work)


def _unchanged(
    view: View, state: FlagChange, op: FlagOp, named: frozenset[str], since: int
) -> bool:
    """Whether a message passes the test of UNCHANGEDSINCE.

    A message has one modseq, but flags that aren't named may have changed (RFC 7162 §3.1.12): what
    this client knew of the named ones at `since` is compared, where that is known. 0 asks that
    they don't exist, as system flags always do (Example 7).
    """
    if state.modseq <= since:
        return True
    if op is FlagOp.SET:
        return False
    asked = {flag.lower() for flag in named}
    now = asked & {flag.lower() for flag in state.flags}
    if not since:
        return bool(asked) and not now and not any(flag.startswith("\\") for flag in asked)
    position = view.position(state.uid)
    if position is None or not view.modseq(position) <= since <= view.mailbox.highest_modseq:
        return False
    return now == asked & {flag.lower() for flag in view.flags(position)}


def _note(view: View, command: Store, stored: Stored, *, aware: bool) -> tuple[set[int], set[int]]:
    """Notes what the client will believe.

    A silent STORE tells the client nothing of what others did to these messages meanwhile: it
    believes its own change made to what it knew, and the next refresh compares with that. But one
    that is told a modseq is told all that is below it.

    Returns:
        what a CONDSTORE-aware client is told after a silent STORE: the UIDs to show, and those of
        them whose flags it knows without being told.
    """
    named, knew_all = _as_known(view, command.flags), not view.ahead
    told: set[int] = set()
    bare: set[int] = set()
    for change in stored.changes:
        position = view.position(change.uid)
        if position is None:
            continue
        flags = change.flags
        if command.silent:
            # A keyword that no message has now the mailbox may spell otherwise all the same.
            spelled = {flag.lower(): flag for flag in change.flags}
            meant = frozenset(spelled.get(flag.lower(), flag) for flag in named)
            believed = apply(command.op, view.flags(position), meant)
            if not aware:
                flags = believed
            else:
                told.add(change.uid)
                if believed == change.flags:
                    bare.add(change.uid)
        view.set_flags(change.uid, flags, change.modseq, change.flags)
    if knew_all and stored.changes:
        view.caught_up(stored.changes[0].modseq)
    for state in stored.kept:
        position = view.position(state.uid)
        known = position is not None and view.flags(position) == state.flags
        if command.silent and known:
            bare.add(state.uid)
    for state in (*stored.kept, *stored.failed):
        told.add(state.uid)
        view.set_flags(state.uid, state.flags, state.modseq)
    return told, bare


async def _answer(
    context: Context, view: View, positions: Sequence[int], bare: set[int], *, uid: bool
) -> None:
    """Shows messages, those of the UIDs in `bare` without their flags."""
    aware = context.condstore

    def lines(batch: Sequence[int], tx: ReadTx | None = None) -> bytes:
        return b"".join(
            flags_line(
                view,
                position,
                uid=uid or aware,
                flags=view.uids[position] not in bare,
                modseq=aware,
            )
            for position in batch
        )

    for start in range(0, len(positions), BATCH_MESSAGES):
        batch = positions[start : start + BATCH_MESSAGES]
        # As in FETCH: a large answer is written down beside the reactor.
        large = len(batch) == BATCH_MESSAGES
        read = context.services.database.read
        context.write(await read(partial(lines, batch)) if large else lines(batch))
        await context.connection.drain()


def _modified(view: View, live: Sequence[int], failed: Sequence[FlagChange], *, uid: bool) -> str:
    """The response code that names the messages which failed the test, or ""."""
    if not failed:
        return ""
    left = {state.uid for state in failed}
    numbers = [view.uids[p] if uid else p + 1 for p in live if view.uids[p] in left]
    return f"MODIFIED {bytes(NumSet.of(numbers)).decode('ascii')}" if numbers else ""


def _as_known(view: View, flags: frozenset[str]) -> frozenset[str]:
    """The flags to store, keywords in the spelling that the mailbox has already."""
    known = {keyword.lower(): keyword for keyword in sorted(view.keywords)}
    return frozenset(known.get(flag.lower(), flag) for flag in flags - {RECENT})
