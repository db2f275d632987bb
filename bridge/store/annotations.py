"""Annotations of mailboxes and of the server, which for an account is the account (RFC 5464).

An entry that was removed stays for a while without a value, so that sessions hear of it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from bridge.model.annotation import SPECIAL_USE_ENTRY, Annotation, AnnotationChange
from bridge.model.ids import AccountId, MailboxId
from bridge.model.mailbox import Mailbox
from bridge.store import schema
from bridge.store.mailboxes import MailboxReads, MailboxWrites

REMEMBERED = 1000
"""Changes for which an entry that was removed is kept."""

Values = Iterable[tuple[str, bytes | None]]
"""Entries in a client's spelling, with their values; None removes one."""

_A, _M = schema.annotation.c, schema.mailbox.c
_OF_ACCOUNT = _A.account_id == bindparam("account")
_OF_SERVER = (_OF_ACCOUNT, _A.mailbox_id.is_(None))
_OF_MAILBOX = _A.mailbox_id == bindparam("mailbox")
_SHOWN = (_A.entry, _A.spelling, _A.value)
_SERVERS = select(*_SHOWN).where(*_OF_SERVER, _A.value.is_not(None))
_MAILBOXES = select(*_SHOWN).where(_OF_MAILBOX, _A.value.is_not(None))
_ALL = select(_A.mailbox_id, *_SHOWN).where(
    _OF_ACCOUNT, _A.mailbox_id.is_not(None), _A.value.is_not(None)
)
_OCTETS = select(func.coalesce(func.sum(func.length(_A.value)), 0)).where(_OF_ACCOUNT)
_NEWEST = select(func.coalesce(func.max(_A.serial), 0)).where(_OF_ACCOUNT)
_SINCE = (
    select(func.coalesce(_M.name, ""), _A.spelling, _A.serial)
    .select_from(schema.annotation.outerjoin(schema.mailbox, _M.id == _A.mailbox_id))
    .where(_OF_ACCOUNT, _A.serial > bindparam("since"))
    .order_by(_A.serial)
)
_ADD = insert(schema.annotation)
_NAMED = _A.entry == bindparam("name")
_NEW: dict[str, Any] = {"value": bindparam("new_value"), "serial": bindparam("new_serial")}
_SET_SERVERS = update(schema.annotation).where(*_OF_SERVER, _NAMED).values(_NEW)
_SET_MAILBOXES = update(schema.annotation).where(_OF_MAILBOX, _NAMED).values(_NEW)
_FORGET = delete(schema.annotation).where(
    _OF_ACCOUNT, _A.value.is_(None), _A.serial <= bindparam("before")
)
_SET_USE = (
    update(schema.mailbox)
    .where(_M.id == bindparam("mailbox"))
    .values(special_use=bindparam("uses"))
)
_ADD_COUNTER = insert(schema.counter)
_COUNTER = select(schema.counter.c.value).where(schema.counter.c.name == bindparam("which"))
_SERIAL = "annotation"

Held = dict[str, Annotation]


class AnnotationReads(MailboxReads):
    """Queries about annotations."""

    def annotations(self, account_id: AccountId, mailbox: Mailbox | None) -> Held:
        """By their names in lower case, those of a mailbox, or of the server for None."""
        if mailbox is None:
            return _held(self.all(_SERVERS, account=account_id))
        found = _held(self.all(_MAILBOXES, mailbox=mailbox.id))
        return {**found, **_special_use(mailbox.special_use)}

    def annotations_of_all(self, account_id: AccountId) -> dict[MailboxId, Held]:
        """Those of each of the account's mailboxes that has any; two queries, however many."""
        found: dict[MailboxId, Held] = defaultdict(dict)
        for mailbox_id, entry, spelling, value in self.all(_ALL, account=account_id):
            found[MailboxId(mailbox_id)][entry] = Annotation(spelling, value)
        for mailbox_id, _, use in self.names(account_id):
            if use is not None:
                found[MailboxId(mailbox_id)].update(_special_use(use))
        return found

    def annotation_octets(self, account_id: AccountId) -> int:
        """Of all values that the account has."""
        row = self.one(_OCTETS, account=account_id)
        return 0 if row is None else int(row[0])

    def newest_annotation(self, account_id: AccountId) -> int:
        """The serial of the account's last change; 0 for none."""
        row = self.one(_NEWEST, account=account_id)
        return 0 if row is None else int(row[0])

    def annotation_changes(self, account_id: AccountId, since: int) -> tuple[AnnotationChange, ...]:
        """What has changed after serial `since`, each entry once, in order."""
        rows = self.all(_SINCE, account=account_id, since=since)
        return tuple(AnnotationChange(name, entry, serial) for name, entry, serial in rows)


class AnnotationWrites(MailboxWrites, AnnotationReads):
    """Changes to annotations."""

    def annotate(self, account_id: AccountId, mailbox: Mailbox | None, values: Values) -> int:
        """Sets and removes entries; the serial of the change.

        Args:
            account_id: whose they are.
            mailbox: whose they are; None for the server's.
            values: entries that differ by more than case.
        """
        serial = self._next_serial()
        mailbox_id = None if mailbox is None else mailbox.id
        which = {"account": account_id} if mailbox is None else {"mailbox": mailbox.id}
        statement = _SET_SERVERS if mailbox is None else _SET_MAILBOXES
        for entry, value in values:
            name = entry.lower()
            if not self.do(statement, **which, name=name, new_value=value, new_serial=serial):
                self.do(
                    _ADD,
                    account_id=account_id,
                    mailbox_id=mailbox_id,
                    entry=name,
                    spelling=entry,
                    value=value,
                    serial=serial,
                )
        self.do(_FORGET, account=account_id, before=serial - REMEMBERED)
        self._note(account_id, mailbox_id)
        if mailbox_id is not None:
            # RFC 7162 §3.2: who comes back can tell by the modseq that something is otherwise.
            self._advance(mailbox_id)
        return serial

    def copy_annotations(self, source: Mailbox, target: Mailbox) -> None:
        """Gives a mailbox without annotations those of another, but for its special use."""
        found = self.annotations(source.account_id, source)
        values = [
            (one.entry, one.value) for name, one in found.items() if name != SPECIAL_USE_ENTRY
        ]
        if values:
            self.annotate(target.account_id, target, values)

    def set_special_use(self, mailbox: Mailbox, uses: str | None) -> None:
        """Gives a mailbox its special uses; None takes them."""
        self.do(_SET_USE, mailbox=mailbox.id, uses=uses)
        self._advance(mailbox.id)

    def _next_serial(self) -> int:
        if self.one(_COUNTER, which=_SERIAL) is None:
            self.do(_ADD_COUNTER, name=_SERIAL, value=0)
        return self.next_count(_SERIAL)


def _held(rows: Iterable[tuple[str, str, bytes]]) -> Held:
    return {entry: Annotation(spelling, value) for entry, spelling, value in rows}


def _special_use(uses: str | None) -> Held:
    if uses is None:
        return {}
    return {SPECIAL_USE_ENTRY: Annotation(SPECIAL_USE_ENTRY, uses.encode("ascii"))}
