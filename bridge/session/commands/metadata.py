"""GETMETADATA and SETMETADATA (RFC 5464).

An account is used by one person from many devices, so what it shares it shares with itself: the
server's annotations are the account's too, and no other account sees them.
"""

from collections.abc import Iterator, Sequence

from bridge.imap.commands.metadata import GetMetadata, SetMetadata
from bridge.imap.serialize import astring, mailbox_name, value
from bridge.model.annotation import ADMIN_ENTRY, SPECIAL_USE_ENTRY
from bridge.model.ids import AccountId
from bridge.model.mailbox import Mailbox
from bridge.query.annotations import Chosen, chosen
from bridge.session.context import Context
from bridge.session.names import matches_any
from bridge.session.reply import No, Ok
from bridge.session.special_use import special_uses
from bridge.store.tx import ReadTx, WriteTx

MAX_VALUE_OCTETS = 64 << 10
"""Of one value: what programs keep here are colours, orders and settings."""

MAX_ANNOTATIONS = 100
"""Of one mailbox, or of the server."""

MAX_OCTETS = 16 << 20
"""Of all values of an account: nobody fills the disk by way of annotations."""

Named = tuple[str, Chosen]


async def get_metadata(context: Context, command: GetMetadata) -> Ok:
    """Shows the values of entries; of many mailboxes where the name has wildcards.

    RFC 5464 knows no wildcards, which no mailbox's name has; its drafts did, and clients ask for
    all that there is of all mailboxes so.
    """
    utf8 = context.mode.utf8

    def read(tx: ReadTx) -> tuple[bytes, int]:
        # In a reading thread: there may be thousands of mailboxes.
        found = list(_found(tx, context, command))
        lines = (metadata_line(name, one.values, utf8=utf8) for name, one in found if one.values)
        return b"".join(lines), max((one.longest for _, one in found), default=0)

    lines, longest = await context.services.database.read(read)
    context.write(lines)
    return Ok("Done", b"METADATA LONGENTRIES %d" % longest if longest else b"")


def metadata_line(
    mailbox: str, values: Sequence[tuple[str, bytes | None]], *, utf8: bool = False
) -> bytes:
    """The METADATA response with at least one entry and its value."""
    shown = b" ".join(
        b"%b %b" % (astring(name.encode("ascii")), value(one)) for name, one in values
    )
    return b"* METADATA %b (%b)\r\n" % (mailbox_name(mailbox, utf8=utf8), shown)


def _found(tx: ReadTx, context: Context, command: GetMetadata) -> Iterator[Named]:
    account, name, entries = context.user.id, command.mailbox, command.entries
    if "*" in name or "%" in name:
        matches = matches_any([name], utf8=context.mode.utf8)
        held = tx.annotations_of_all(account)
        for key, box, _ in tx.names(account):
            if key in held and matches(box):
                one = chosen(held[key], entries, depth=command.depth, max_size=command.max_size)
                if any(value is not None for _, value in one.values) or one.longest:
                    yield box, one
        return
    mailbox = _mailbox(tx, context, name)
    own = tx.annotations(account, mailbox)
    shown = "" if mailbox is None else mailbox.name
    yield shown, chosen(own, entries, depth=command.depth, max_size=command.max_size)


async def set_metadata(context: Context, command: SetMetadata) -> Ok:
    """Sets and removes entries, all or none."""
    account = context.user.id
    for _, octets in command.values:
        if octets is not None and len(octets) > MAX_VALUE_OCTETS:
            text = f"A value has at most {MAX_VALUE_OCTETS} octets"
            raise No(text, f"METADATA MAXSIZE {MAX_VALUE_OCTETS}", limit="other")

    def work(tx: WriteTx) -> int:
        mailbox = _mailbox(tx, context, command.mailbox)
        values = list(command.values)
        for at, (entry, octets) in enumerate(values):
            if mailbox is None and entry.lower() == ADMIN_ENTRY:
                raise No("Only the administrator sets that", "NOPERM")
            if mailbox is not None and entry.lower() == SPECIAL_USE_ENTRY:
                _set_special_use(tx, mailbox, octets)
                # It stands with the mailbox; what is kept here tells others of the change.
                values[at] = entry, None
        serial = tx.annotate(account, mailbox, values)
        _require_room(tx, account, mailbox)
        return serial

    serial = await context.services.database.write(work)
    if context.annotations is not None:
        context.annotations.made(serial)
    return Ok("Done")


def _mailbox(tx: ReadTx, context: Context, name: str) -> Mailbox | None:
    """The mailbox; None for the server.

    Raises:
        No: there is none of that name.
    """
    if not name:
        return None
    mailbox = context.mailbox(tx, name)
    if mailbox is None:
        raise No("There is no such mailbox", "NONEXISTENT")
    return mailbox


def _set_special_use(tx: WriteTx, mailbox: Mailbox, octets: bytes | None) -> None:
    """Gives a mailbox the uses of its entry, as CREATE would (RFC 6154 §4)."""
    asked = (octets or b"").decode("ascii", "replace").split()
    uses = special_uses(tx, mailbox.account_id, asked, of=mailbox.name, code="CANNOT")
    tx.set_special_use(mailbox, uses)


def _require_room(tx: ReadTx, account: AccountId, mailbox: Mailbox | None) -> None:
    """Makes sure that what was set may stay.

    Raises:
        No: there are too many annotations, or too much is in them.
    """
    if len(tx.annotations(account, mailbox)) > MAX_ANNOTATIONS:
        text = f"There are at most {MAX_ANNOTATIONS} annotations: remove some"
        raise No(text, "METADATA TOOMANY", limit="other")
    if tx.annotation_octets(account) > MAX_OCTETS:
        text = f"An account's annotations have at most {MAX_OCTETS} octets: remove some"
        raise No(text, "OVERQUOTA", limit="quota")
