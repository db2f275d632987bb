"""LIST (RFC 9051 §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 9590) and LSUB."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bridge.imap.commands.list import List, Lsub
from bridge.imap.serialize import mailbox_name
from bridge.model.annotation import Annotation
from bridge.model.ids import AccountId, MailboxId
from bridge.model.mailbox import DELIMITER, INBOX, MailboxStatus, superiors
from bridge.query.annotations import chosen
from bridge.query.listing import Listed, Matches, listed
from bridge.session.commands.metadata import metadata_line
from bridge.session.commands.status import status_line
from bridge.session.context import Context
from bridge.session.names import matches_any
from bridge.session.reply import Ok
from bridge.store.tx import ReadTx


async def list_mailboxes(context: Context, command: List) -> Ok:
    """Lists the names that meet the criteria and match a pattern, with what is asked of each."""
    if command.delimiter:
        context.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return Ok("Done")
    account, wanted = context.user.id, _Wanted.of(context, command)

    def lines(tx: ReadTx) -> bytes:
        # In a reading thread: ten thousand names take a fifth of a second.
        return b"".join(_List(tx, account, wanted).lines())

    shown = await context.services.database.read(lines, brief=True)
    context.write(shown)
    if command.status and f"* STATUS {INBOX} (".encode("ascii") in shown:
        context.looked()
    return Ok("Done")


@dataclass(frozen=True, slots=True)
class _Wanted:
    command: List
    matches: Matches
    children: bool
    uses: bool
    append_octets: int
    utf8: bool

    @staticmethod
    def of(context: Context, command: List) -> "_Wanted":
        """What the command asks for, as far as the account is offered it.

        The plain form tells of children and uses as the extended one does where it is asked
        (RFC 3348; RFC 6154 §2).
        """
        returns, plain = command.returns, not command.extended
        return _Wanted(
            command,
            matches_any(command.patterns, utf8=context.mode.utf8),
            children="CHILDREN" in returns or (plain and context.offers("CHILDREN")),
            uses="SPECIAL-USE" in returns or (plain and context.offers("SPECIAL-USE")),
            append_octets=context.services.limits.append_octets,
            utf8=context.mode.utf8,
        )


@dataclass(slots=True)
class _List:
    """One LIST over one snapshot, in as many looks at it whatever the number of mailboxes."""

    tx: ReadTx
    account: AccountId
    wanted: _Wanted
    _ids: dict[str, MailboxId] = field(init=False)
    _uses: dict[str, str | None] = field(init=False)
    _statuses: dict[str, MailboxStatus] = field(init=False)
    _subscribed: frozenset[str] = field(init=False)
    _parents: frozenset[str] = field(init=False)
    _deleted_sizes: dict[MailboxId, int] = field(init=False)
    _annotations: dict[MailboxId, dict[str, Annotation]] = field(init=False)

    def __post_init__(self) -> None:
        tx, command = self.tx, self.wanted.command
        self._statuses = {}
        if command.status:
            self._statuses = {one.mailbox.name: one for one in tx.statuses(self.account)}
            boxes = [one.mailbox for one in self._statuses.values()]
            rows = [(box.id, box.name, box.special_use) for box in boxes]
        else:
            rows = tx.names(self.account)
        self._ids = {name: MailboxId(key) for key, name, _ in rows}
        self._uses = {name: use for _, name, use in rows}
        subscribed = tx.subscriptions(self.account) if "SUBSCRIBED" in command.returns else ()
        self._subscribed = frozenset(subscribed)
        self._parents = frozenset(
            above for name in self._ids if DELIMITER in name for above in superiors(name)
        )
        sizes = "DELETED-STORAGE" in command.status
        self._deleted_sizes = tx.deleted_sizes(self.account) if sizes else {}
        self._annotations = tx.annotations_of_all(self.account) if command.metadata else {}

    def lines(self) -> Iterator[bytes]:
        command = self.wanted.command
        recursive, utf8 = "RECURSIVEMATCH" in command.selects, self.wanted.utf8
        for one in listed(self._selected(), self.wanted.matches, recursive=recursive):
            attributes = self._attributes(one)
            yield _line(b"LIST", attributes, one.name, childinfo=one.childinfo, utf8=utf8)
            key = self._ids.get(one.name) if one.meets else None
            if key is None:
                continue
            if command.status:
                yield status_line(
                    self._statuses[one.name],
                    command.status,
                    deleted_size=self._deleted_sizes.get(key, 0),
                    append_octets=self.wanted.append_octets,
                    utf8=utf8,
                )
            if command.metadata:
                found = chosen(self._annotations.get(key, {}), command.metadata)
                yield metadata_line(one.name, found.values, utf8=utf8)

    def _selected(self) -> Iterable[str]:
        """The names that meet all criteria; REMOTE adds none, for none is."""
        selects = self.wanted.command.selects
        names: Iterable[str] = self._subscribed if "SUBSCRIBED" in selects else self._ids
        if "SPECIAL-USE" in selects:
            return [name for name in names if self._uses.get(name)]
        return names

    def _attributes(self, one: Listed) -> str:
        attributes = [] if one.name in self._ids else ["\\NonExistent"]
        if one.name in self._subscribed:
            attributes.append("\\Subscribed")
        if self.wanted.children:
            attributes.append("\\HasChildren" if one.name in self._parents else "\\HasNoChildren")
        use = self._uses.get(one.name) if self.wanted.uses else None
        return " ".join([*attributes, use] if use else attributes)


async def list_subscribed(context: Context, command: Lsub) -> Ok:
    """Lists the subscribed names that match."""
    account, pattern, utf8 = context.user.id, command.pattern, context.mode.utf8
    if pattern is None:
        return Ok("No name is written so")
    matches, hides = matches_any((pattern,), utf8=utf8), pattern.endswith("%")

    def lines(tx: ReadTx) -> bytes:
        existing = {name for _, name, _ in tx.names(account)}
        shown = _lsub(tx.subscriptions(account), existing, hides=hides)
        return b"".join(
            _line(b"LSUB", attributes, name, utf8=utf8)
            for name, attributes in shown
            if matches(name)
        )

    context.write(await context.services.database.read(lines))
    return Ok("Done")


def _lsub(names: tuple[str, ...], existing: set[str], *, hides: bool) -> list[tuple[str, str]]:
    """Subscribed names with their attributes, by name.

    With "%", the superiors of those that it hides as well (RFC 3501 §6.3.9).
    """
    shown = {name: "" if name in existing else "\\Noselect" for name in names}
    if hides:
        for name in names:
            for superior in superiors(name):
                shown.setdefault(superior, "\\Noselect")
    return sorted(shown.items())


def _line(verb: bytes, attributes: str, name: str, *, childinfo: bool = False, utf8: bool) -> bytes:
    # RECURSIVEMATCH comes with SUBSCRIBED, the one criterion that CHILDINFO can name.
    more = b' ("CHILDINFO" ("SUBSCRIBED"))' if childinfo else b""
    written = mailbox_name(name, utf8=utf8)
    return b'* %b (%b) "/" %b%b\r\n' % (verb, attributes.encode("ascii"), written, more)
