"""Bringing a view up to the store, and saying what may be said now (RFC 9051 §5.2, §7.5.1)."""

from bridge.errors import StoreError, StoreFullError
from bridge.imap.serialize import flag_list
from bridge.model.change import MailboxDelta
from bridge.model.flags import SYSTEM_FLAGS
from bridge.session.port import Services
from bridge.session.reply import Bye
from bridge.session.view import View
from bridge.store.tx import ReadTx, WriteTx


async def refresh(services: Services, view: View, *, expunge: bool, modseqs: bool = False) -> bytes:
    """Applies what has changed in the store since; the untagged responses that say so.

    Args:
        services: for the database.
        view: what the client knows.
        expunge: whether EXPUNGE may be sent now; if not, the messages keep their places.
        modseqs: whether the client hears of modseqs too.

    Raises:
        Bye: the mailbox was deleted.
    """
    mailbox_id, since = view.mailbox.id, view.mailbox.highest_modseq

    def pull(tx: ReadTx) -> MailboxDelta | None:
        mailbox = tx.mailbox_by_id(mailbox_id)
        return None if mailbox is None else tx.delta(mailbox, since)

    delta = await services.database.read(pull)
    if delta is None:
        raise Bye("The selected mailbox was deleted by another client")
    changed, added = view.apply(delta, modseqs=modseqs)
    lines = _expunges(view) if expunge else []
    if added:
        await claim_recent(services, view)
        lines += counts(view)
    lines += announce_keywords(view)
    for uid in changed:
        position = view.position(uid)
        if position is not None and uid not in view.vanished:
            lines.append(flags_line(view, position, modseq=modseqs))
    return b"".join(lines)


def pending_expunges(view: View) -> bytes:
    """The EXPUNGE responses that had to wait."""
    return b"".join(_expunges(view))


def counts(view: View) -> list[bytes]:
    """EXISTS and RECENT."""
    return [b"* %d EXISTS\r\n" % view.count, b"* %d RECENT\r\n" % view.recent_count]


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
    if uid:
        shown.append(b"UID %d" % view.uids[position])
    if flags:
        shown.append(b"FLAGS " + view.written_flags(position))
    if modseq:
        shown.append(b"MODSEQ (%d)" % view.modseq(position))
    return b"* %d FETCH (%b)\r\n" % (position + 1, b" ".join(shown))


def highest_modseq_line(view: View) -> bytes:
    """Up to which modseq the client knows the mailbox, once it has read this."""
    return b"* OK [HIGHESTMODSEQ %d] The highest modseq\r\n" % view.mailbox.highest_modseq


def _expunges(view: View) -> list[bytes]:
    return [b"* %d EXPUNGE\r\n" % seq for seq in view.drop_vanished()]


async def claim_recent(services: Services, view: View) -> None:
    """Makes messages \\Recent here that were it in no session yet; RFC 3501 §2.3.2.

    A read-only session shows them so and leaves them to the next. All UIDs up to the claim's are
    this session's, also of messages that it hasn't seen yet: nobody else will get them.
    """
    mailbox = view.mailbox
    if mailbox.first_recent_uid >= mailbox.uidnext:
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
