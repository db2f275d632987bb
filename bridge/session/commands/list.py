"""LIST and LSUB."""

from collections.abc import Callable, Iterator

from bridge.imap.commands.list import List
from bridge.imap.serialize import mailbox_name
from bridge.model.mailbox import MAX_NAME_CHARACTERS, Mailbox, superiors
from bridge.query.names import matcher
from bridge.session.context import Context
from bridge.session.reply import Ok
from bridge.store.tx import ReadTx

Matches = Callable[[str], bool]


async def list_mailboxes(context: Context, command: List) -> Ok:
    """Lists the names that match, of mailboxes or of subscriptions."""
    account, pattern = context.user.id, command.pattern
    if pattern == "" and not command.subscribed:
        # RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
        context.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return Ok("Done")
    if pattern is None:
        return Ok("No name is written so")
    matches = matcher(pattern, MAX_NAME_CHARACTERS)
    hides = pattern.endswith("%")

    def lines(tx: ReadTx) -> bytes:
        # In a reading thread: ten thousand names take a fifth of a second.
        boxes = tx.mailboxes(account)
        if not command.subscribed:
            children, uses = context.offers("CHILDREN"), context.offers("SPECIAL-USE")
            return b"".join(_list(boxes, matches, children=children, uses=uses))
        existing = {box.name for box in boxes}
        return b"".join(_lsub(tx.subscriptions(account), existing, matches, hides=hides))

    context.write(await context.services.database.read(lines))
    return Ok("Done")


def _list(
    boxes: tuple[Mailbox, ...], matches: Matches, *, children: bool, uses: bool
) -> Iterator[bytes]:
    parents = {name for box in boxes for name in superiors(box.name)}
    for box in boxes:
        if matches(box.name):
            attributes = []
            if children:
                attributes.append("\\HasChildren" if box.name in parents else "\\HasNoChildren")
            if uses and box.special_use:
                attributes.append(box.special_use)
            yield _line(b"LIST", " ".join(attributes), box.name)


def _lsub(
    names: tuple[str, ...], existing: set[str], matches: Matches, *, hides: bool
) -> Iterator[bytes]:
    """Subscribed names; with "%", the superiors of those that it hides (RFC 3501 §6.3.9)."""
    shown = {name: "" if name in existing else "\\Noselect" for name in names}
    if hides:
        for name in names:
            for superior in superiors(name):
                shown.setdefault(superior, "\\Noselect")
    for name, attributes in sorted(shown.items()):
        if matches(name):
            yield _line(b"LSUB", attributes, name)


def _line(verb: bytes, attributes: str, name: str) -> bytes:
    return b'* %b (%b) "/" %b\r\n' % (verb, attributes.encode("ascii"), mailbox_name(name))
