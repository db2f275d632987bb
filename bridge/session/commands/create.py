"""CREATE (RFC 9051 §6.3.4; RFC 6154 §3; RFC 8474 §4.1)."""

from bridge.imap.commands.create import Create
from bridge.model.ids import AccountId
from bridge.model.mailbox import (
    MAX_NAME_CHARACTERS,
    canonical_name,
    is_name,
    normal_form,
    superiors,
)
from bridge.session.context import Context
from bridge.session.names import told_name
from bridge.session.reply import No, Ok
from bridge.session.special_use import special_uses
from bridge.store.tx import WriteTx

MAX_MAILBOXES = 10_000
"""Of one account; a client in a loop must not fill the disk with names."""


async def create(context: Context, command: Create) -> Ok:
    """Makes a mailbox, and those above it that are missing (RFC 9051 §6.3.4)."""
    account, mode = context.user.id, context.mode
    name = checked_name(command.mailbox, normalizes=mode.utf8)

    def work(tx: WriteTx) -> tuple[str, bytes]:
        if tx.mailbox(account, name) is not None:
            raise No("That mailbox is there already", "ALREADYEXISTS")
        uses = special_uses(tx, account, command.uses or (), of=name, code="USEATTR")
        make_superiors(tx, account, name)
        made = tx.create_mailbox(account, name, uses)
        tells = mode.rev2 and name != command.mailbox
        told = told_name(tx, account, name, old=command.mailbox) if tells else b""
        return made.mailboxid, told

    mailboxid, told = await context.change(work)
    context.write(told)
    if not context.offers("OBJECTID"):
        return Ok("Made")
    return Ok("Made", b"MAILBOXID (%b)" % mailboxid.encode("ascii"))


def make_superiors(tx: WriteTx, account: AccountId, name: str) -> None:
    """Makes the mailboxes above `name` that are missing.

    Raises:
        No: with them and `name` the account would have too many.
    """
    missing = [one for one in superiors(name) if tx.mailbox(account, one) is None]
    if tx.mailbox_count(account) + len(missing) >= MAX_MAILBOXES:
        raise No(f"An account has at most {MAX_MAILBOXES} mailboxes", "LIMIT", limit="other")
    for superior in missing:
        tx.create_mailbox(account, superior)


def checked_name(name: str, *, normalizes: bool) -> str:
    """The stored form of a name a client wants to give.

    Args:
        name: as the client wrote it.
        normalizes: whether it is Net-Unicode then (RFC 9051 §5.1); modified UTF-7 is to be kept
            as it is written (RFC 3501 §5.1.3).

    Raises:
        No: it can't be a name.
    """
    name = canonical_name(normal_form(name) if normalizes else name)
    if not is_name(name):
        raise No(
            f"A mailbox's name has 1 to {MAX_NAME_CHARACTERS} characters, no control characters,"
            " no * or %, and no empty level",
            "CANNOT",
        )
    return name
