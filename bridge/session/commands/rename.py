"""RENAME (RFC 9051 §6.3.6)."""

from bridge.imap.commands.rename import Rename
from bridge.model.ids import AccountId
from bridge.model.mailbox import DELIMITER, INBOX, Mailbox, canonical_name
from bridge.session.commands.create import checked_name, make_superiors
from bridge.session.context import Context
from bridge.session.names import told_name
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def rename(context: Context, command: Rename) -> Ok:
    """Renames a mailbox and all below it; of INBOX it moves the messages (RFC 9051 §6.3.6)."""
    account, services = context.user.id, context.services
    rev2 = context.mode.rev2
    target = checked_name(command.target, normalizes=context.mode.utf8)

    def work(tx: WriteTx) -> bytes:
        found = context.mailbox(tx, command.source)
        source = canonical_name(command.source) if found is None else found.name
        if target.startswith(source + DELIMITER) and source != INBOX:
            raise No("A mailbox can't be moved below itself", "CANNOT")
        if tx.mailbox(account, target) is not None:
            raise No("A mailbox of that name is there already", "ALREADYEXISTS")
        if source == INBOX:
            move_all(tx)
            # INBOX is still there: what is new is only that the name may be another than asked for.
            old = command.target
            return told_name(tx, account, target, old=old) if rev2 and old != target else b""
        _rename_tree(tx, account, source, target)
        return told_name(tx, account, target, old=command.source) if rev2 else b""

    def move_all(tx: WriteTx) -> None:
        inbox = tx.mailbox(account, INBOX)
        assert inbox is not None
        make_superiors(tx, account, target)
        made = tx.create_mailbox(account, target)
        tx.copy_annotations(inbox, made)
        uids = tx.snapshot(inbox).uids
        tx.copy(inbox.id, uids, made.id, services.clock())
        tx.expunge(inbox.id, uids, services.clock())

    context.write(await context.change(work))
    return Ok("Renamed")


def _rename_tree(tx: WriteTx, account: AccountId, source: str, target: str) -> None:
    """Renames a mailbox with its inferiors, all or none.

    Raises:
        No: it isn't there, or a new name is taken or can't be one.
    """
    boxes: dict[str, Mailbox] = {box.name: box for box in tx.mailboxes(account)}
    if source not in boxes:
        raise No("There is no such mailbox", "NONEXISTENT")
    moved = {
        name: checked_name(target + name[len(source) :], normalizes=False)
        for name in boxes
        if name == source or name.startswith(source + DELIMITER)
    }
    if not boxes.keys().isdisjoint(moved.values()):
        raise No("A mailbox of that name is there already", "ALREADYEXISTS")
    make_superiors(tx, account, target)
    for name, new in moved.items():
        tx.rename_mailbox(boxes[name], new)
