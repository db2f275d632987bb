"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8; RFC 4315 §3; RFC 6851)."""

from bridge.imap.commands.copy import Copy
from bridge.model.ids import Uid
from bridge.model.numset import compact
from bridge.session.context import Context
from bridge.session.quota import require_room
from bridge.session.refresh import highest_modseq_code
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def copy(context: Context, command: Copy) -> Ok:
    """Copies or moves, all the messages named or none; UIDs that aren't there are passed over."""
    view = context.writable() if command.move else context.selected
    services, account = context.services, context.user.id
    positions = view.resolve(command.numbers, uid=command.uid)
    uids = [Uid(view.uids[position]) for position in positions]
    source = view.mailbox.id

    def work(tx: WriteTx) -> tuple[int, tuple[tuple[Uid, Uid], ...]]:
        target = context.mailbox(tx, command.mailbox)
        if target is None:
            raise No("There is no such mailbox", "TRYCREATE")
        pairs = tx.copy(source, uids, target.id, services.clock())
        if len(pairs) != len(uids) and not command.uid:
            raise No("Some of these messages are expunged", "EXPUNGEISSUED")
        if command.move:
            tx.expunge(source, [uid for uid, _ in pairs], services.clock())
        elif pairs:
            require_room(tx, account, 0)
        return target.uidvalidity, pairs

    uidvalidity, pairs = await context.change(work)
    context.made(uidvalidity, [new for _, new in pairs])
    if not pairs:
        return Ok("Nothing to do")
    code = b"COPYUID %d %b %b" % (
        uidvalidity,
        _set([old for old, _ in pairs]),
        _set([new for _, new in pairs]),
    )
    if not context.offers("UIDPLUS"):
        code = b""
    if not command.move:
        return Ok("Copied", code)
    if code:
        # The client must know where they went before it hears that they are gone (RFC 6851 §4.3).
        context.write(b"* OK [", code, b"] Moved\r\n")
    await context.tell_expunged([old for old, _ in pairs])
    # RFC 6851 §4.4
    return Ok("Moved", highest_modseq_code(view) if context.qresync else b"")


def _set(uids: list[Uid]) -> bytes:
    return b",".join(
        b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in compact(uids)
    )
