"""Bringing a view up to the store, and saying what may be said now (RFC 9051 §5.2, §7.5.1)."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bridge.errors import StoreError, StoreFullError
from bridge.imap.found import set_of
from bridge.imap.serialize import flag_list
from bridge.model.change import MailboxDelta
from bridge.model.flags import SYSTEM_FLAGS
from bridge.model.ids import Uid
from bridge.model.numset import compact
from bridge.session.port import Services
from bridge.session.reply import Bye
from bridge.session.view import View
from bridge.store.tx import ReadTx, WriteTx

FEW_MESSAGES = 1000
"""Told of in the reactor's thread: more take milliseconds, which are not its to lose."""


async def refresh(
    services: Services,
    view: View,
    *,
    expunge: bool,
    modseqs: bool = False,
    by_uid: bool = False,
    flags: bool = True,
) -> bytes:
    """Applies what has changed in the store since; the untagged responses that say so.

    Args:
        services: for the database.
        view: what the client knows.
        expunge: whether EXPUNGE may be sent now; if not, the messages keep their places.
        modseqs: whether the client hears of modseqs too.
        by_uid: whether it hears of what is expunged by VANISHED.
        flags: whether it hears of flags that others have changed.

    Raises:
        Bye: the mailbox was deleted.
    """
    mailbox_id, since = view.mailbox.id, view.mailbox.highest_modseq

    def pull(tx: ReadTx) -> MailboxDelta | None:
        mailbox = tx.mailbox_by_id(mailbox_id)
        if mailbox is None:
            return None
        found = tx.delta(mailbox, since)
        if found.complete:
            return found
        # What became of messages since isn't remembered any more: what isn't there is gone.
        live = set(tx.snapshot(mailbox).uids)
        return replace(found, vanished=tuple(Uid(uid) for uid in view.uids if uid not in live))

    delta = await services.database.read(pull, brief=True)
    if delta is None:
        raise Bye("The selected mailbox was deleted by another client")
    changed, added = view.apply(delta, modseqs=modseqs)
    gone = await tell_expunges(services, view, by_uid=by_uid) if expunge else b""
    lines = []
    if added:
        await claim_recent(services, view)
        lines += counts(view)
    lines += announce_keywords(view)
    if not flags:
        return b"".join((gone, *lines))
    tell = partial(_changes, view, changed, modseqs)
    fetches = await services.database.read(tell) if len(changed) > FEW_MESSAGES else tell()
    return b"".join((gone, *lines, fetches))


async def tell_expunges(services: Services, view: View, *, by_uid: bool) -> bytes:
    """The responses that take away what is expunged: EXPUNGE, or VANISHED (RFC 7162 §3.2.10)."""
    uids = array("I", view.vanished)
    numbers = view.drop_vanished()
    if not uids:
        return b""
    tell = partial(_expunges, uids, numbers, by_uid)
    return await services.database.read(tell) if len(uids) > FEW_MESSAGES else tell()


def _expunges(
    uids: "array[int]", numbers: Sequence[int], by_uid: bool, tx: ReadTx | None = None
) -> bytes:
    if by_uid:
        return b"* VANISHED %b\r\n" % set_of(compact(uids))
    return b"* %d EXPUNGE\r\n" * len(numbers) % tuple(numbers)


def _changes(view: View, changed: Sequence[int], modseqs: bool, tx: ReadTx | None = None) -> bytes:
    """An unasked FETCH for each of the UIDs."""
    positions = view.positions([uid for uid in changed if uid not in view.vanished])
    word, numbers = view.heads(positions)
    items, columns = [b"FLAGS %b"], [numbers, view.all_written_flags(positions)]
    if not view.uid_only:
        items.insert(0, b"UID %d")
        columns.insert(1, view.uids_at(positions))
    if modseqs:
        items.append(b"MODSEQ (%d)")
        columns.append([view.modseq(position) for position in positions])
    template = b"* %d " + word + b" (" + b" ".join(items) + b")\r\n"
    return b"".join(map(template.__mod__, zip(*columns, strict=True)))


def counts(view: View) -> list[bytes]:
    """EXISTS, and RECENT to whom knows that."""
    exists = b"* %d EXISTS\r\n" % view.count
    return [exists, b"* %d RECENT\r\n" % view.recent_count] if view.tells_recent else [exists]


def announce_keywords(view: View) -> list[bytes]:
    """FLAGS, if a keyword has appeared that the client has not been told of."""
    return keyword_lines(view) if view.note_keywords() else []


def keyword_lines(view: View) -> list[bytes]:
    """FLAGS and PERMANENTFLAGS."""
    flags = flag_list({*SYSTEM_FLAGS, *view.keywords})
    permanent = b"()" if view.read_only else flags[:-1] + b" \\*)"
    return [
        b"* FLAGS %b\r\n" % flags,
        b"* OK [PERMANENTFLAGS %b] Kept\r\n" % permanent,
    ]


def flags_line(
    view: View, position: int, *, uid: bool = True, flags: bool = True, modseq: bool = False
) -> bytes:
    """An unasked FETCH with what the client is to know of a message."""
    # STORE 1:* says thousands of them: one formatting where flags are all that is shown.
    if flags and not (uid or modseq):
        return b"* %d FETCH (FLAGS %b)\r\n" % (position + 1, view.written_flags(position))
    shown = []
    if uid and not view.uid_only:
        shown.append(b"UID %d" % view.uids[position])
    if flags:
        shown.append(b"FLAGS " + view.written_flags(position))
    if modseq:
        shown.append(b"MODSEQ (%d)" % view.modseq(position))
    word, (number,) = view.heads((position,))
    return b"* %d %b (%b)\r\n" % (number, word, b" ".join(shown))


def highest_modseq_line(view: View) -> bytes:
    """Up to which modseq the client knows the mailbox, once it has read this.

    It is lower than the mailbox's while EXPUNGEs have to wait: a client that was cut off then
    would never hear of them (RFC 7162 §3.2).
    """
    return b"* OK [HIGHESTMODSEQ %d] The highest modseq\r\n" % view.told_modseq


def highest_modseq_code(view: View) -> bytes:
    """The response code of a tagged OK that says the same."""
    return b"HIGHESTMODSEQ %d" % view.told_modseq


async def claim_recent(services: Services, view: View) -> None:
    """Makes messages \\Recent here that were it in no session yet; RFC 3501 §2.3.2.

    A read-only session shows them so and leaves them to the next; so does one of IMAP4rev2, and
    doesn't show them. All UIDs up to the claim's are
    this session's, also of messages that it hasn't seen yet: nobody else will get them.
    """
    mailbox = view.mailbox
    if not view.tells_recent or mailbox.first_recent_uid >= mailbox.uidnext:
        return
    if view.read_only:
        view.recent.add(mailbox.first_recent_uid, mailbox.uidnext)
        return

    def work(tx: WriteTx) -> tuple[int, int]:
        now = tx.mailbox_by_id(mailbox.id)
        return (0, 0) if now is None else (tx.claim_recent(now), now.uidnext)

    try:
        first, end = await services.database.write(work)
    except (StoreFullError, StoreError):
        # Reading goes on while the disk is full; then nothing is \Recent to anyone.
        return
    if first < end:
        view.recent.add(first, end)
