"""One message's story: what happened to it, when and why, and how it stands now."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.fate import fate
from bridge.admin.findings import uidl_text
from bridge.admin.status import time_form
from bridge.errors import UnknownMessageError
from bridge.model.account import Account
from bridge.model.mailbox import INBOX
from bridge.model.upstream import EventKind, Known, LedgerEvent, LedgerState
from bridge.store import stories
from bridge.store.stories import Body, Place, Subject
from bridge.store.tx import ReadTx

MAX_TOLD = 100
"""Messages that are told of one Message-ID: more are no help to anybody."""

_STATES = {
    LedgerState.LISTED: "It is listed, and not fetched yet",
    LedgerState.STORED: "It is held",
    LedgerState.SUSPECT: "It is held and suspect, so it is fetched again to be sure",
    LedgerState.ODD: "It is held and odd, so it is never deleted upstream",
    LedgerState.POISONED: "It can't be retrieved, so it stays upstream",
    LedgerState.TOO_LARGE: "It is too large, so it stays upstream",
    LedgerState.ELSEWHERE: "Another program has fetched it, so it isn't fetched again",
}
_EVENTS = {
    EventKind.SUSPECTED: "Doubted",
    EventKind.RECHECKED: "Retrieved again",
    EventKind.CONFIRMED: "Confirmed",
    EventKind.ODD: "Found odd",
    EventKind.POISONED: "Given up",
    EventKind.RENAMED: "Renamed by the provider",
    EventKind.RETURNED: "Listed again",
    EventKind.REUSED: "Its UIDL went to another message",
    EventKind.REPLACED: "Replaced",
    EventKind.DELETED: "Deleted",
    EventKind.DELETE_UNDONE: "Deleted in vain",
    EventKind.IMPORTED: "Imported",
}


async def trace(
    admin: Admin, login: str, what: str, *, mailbox: str | None = None
) -> dict[str, object]:
    """Tells the story of each message that is meant.

    Args:
        admin: what to work with.
        login: whose message.
        what: a UID, a Message-ID with or without its angle brackets, or a UIDL, now or before it
            was renamed.
        mailbox: of the UID; INBOX where none is named.

    Returns:
        login, and for each of messages: uidl, generation, state, reason, size, listed_size,
        full_hash, message_id, mailboxes, story ("at" and "text", in order) and now (sentences).

    Raises:
        UnknownLoginError: there is no such account.
        UnknownMessageError: there is no such message.
    """
    account = await find_account(admin, login)
    now = admin.clock()

    def read(tx: ReadTx) -> list[dict[str, object]]:
        subjects = _find(tx, account, what, mailbox)[:MAX_TOLD]
        known = tx.known(account.id) if subjects else ()
        return [_tell(tx, account, subject, known, now) for subject in subjects]

    told = await admin.database.read(read)
    if not told:
        raise UnknownMessageError(
            f"{account.login} has no message {what!r}, nor had it one that is still known.",
            f"Name a UID of {mailbox or INBOX} (--mailbox for another), a Message-ID or a UIDL.",
        )
    return {"login": account.login, "messages": told}


def _find(tx: ReadTx, account: Account, what: str, mailbox: str | None) -> list[Subject]:
    """All that may be meant: digits can be a UIDL too."""
    found: list[Subject] = []
    if what.isascii() and what.isdigit() and len(what) <= 10:
        box = tx.mailbox(account.id, mailbox or INBOX)
        if box is not None:
            found += stories.by_uid(tx, account.id, box.name, int(what))
    if mailbox is None:
        field = what if what.startswith("<") else f"<{what}>"
        octets = field.encode("utf-8", "surrogateescape")
        found += stories.by_message_id(tx, account.id, octets)
        found += stories.by_uidl(tx, account.id, what)
    return list(dict.fromkeys(found))


def _tell(
    tx: ReadTx, account: Account, subject: Subject, known: Sequence[Known], now: datetime
) -> dict[str, object]:
    row = next((one for one in known if one.id == subject.row_id), None)
    message_id = subject.message_id
    body = None if message_id is None else stories.body(tx, message_id)
    places = [] if message_id is None else stories.places(tx, message_id)
    lost = [] if message_id is None else stories.lost_mailboxes(tx, message_id)
    events: Sequence[LedgerEvent] = () if row is None else tx.ledger_events(row.id)
    seen = None if row is None else stories.first_seen(tx, row.id)
    happened = sorted(_happened(row, seen, body, places, events), key=lambda entry: entry[0])
    standing = list(_standing(row, body, places, lost))
    if row is not None:
        standing += fate(tx, account, row, known, now)
    return {
        **_facts(row, body),
        "mailboxes": [_place_form(place) for place in places],
        "story": [{"at": time_form(at), "text": text} for at, text in happened],
        "now": standing,
    }


def _facts(row: Known | None, body: Body | None) -> dict[str, object]:
    full_hash = body.full_hash if body is not None else row.full_hash if row is not None else b""
    return {
        "uidl": None if row is None else uidl_text(row.uidl),
        "generation": None if row is None else row.generation,
        "state": None if row is None else row.state.value,
        "reason": None if row is None else row.reason,
        "listed_size": None if row is None else row.size,
        "size": None if body is None else body.size,
        "full_hash": full_hash.hex() or None,
        "message_id": None if body is None else _text(body.message_id) or None,
        "internal_date": None if body is None else time_form(body.internal_date),
    }


def _place_form(place: Place) -> dict[str, object]:
    return {
        "mailbox": place.mailbox,
        "uid": place.uid,
        "uidvalidity": place.uidvalidity,
        "since": time_form(place.since),
        "flags": place.flags.split(),
        "live": place.live,
    }


def _happened(
    row: Known | None,
    seen: datetime | None,
    body: Body | None,
    places: Sequence[Place],
    events: Sequence[LedgerEvent],
) -> Iterator[tuple[datetime, str]]:
    """What happened when, as far as it is known; in no order but that of equal times."""
    if row is not None and seen is not None:
        yield seen, f"Listed first by the provider, {_named(row)}, {row.size:,} octets by its LIST."
    for event in events:
        yield event.at, f"{_EVENTS[event.kind]}: {event.detail.rstrip('.')}."
    if row is not None and row.stored_at is not None:
        yield row.stored_at, f"Retrieved to its end, and durable here{_measure(row, body)}."
    for place in places:
        yield place.since, f"Put into {place.mailbox} as UID {place.uid}."
        if not place.live and place.gone_by is not None:
            text = f"UID {place.uid} of {place.mailbox} expunged, within an hour of then."
            yield max(place.since, place.gone_by), text
    expunged = body.expunged_at if body is not None else row.expunged_at if row else None
    if expunged is not None:
        yield expunged, "Expunged from the last mailbox that it was in."
    if row is not None and row.dele_at is not None:
        times = "" if row.deles < 2 else f", the last of {row.deles} times"
        yield row.dele_at, f"Deleted at the provider{times}: DELE and QUIT were answered with +OK."
    if row is not None and row.missing_since is not None:
        yield row.missing_since, "Missing in the provider's listing since."


def _standing(
    row: Known | None, body: Body | None, places: Sequence[Place], lost: Sequence[str]
) -> Iterator[str]:
    """How it stands now."""
    if row is None:
        yield "It didn't come from the provider: a mail program or an import put it here."
    else:
        yield _STATES[row.state] + (f" ({row.reason})." if row.reason else ".")
        if row.attempts:
            yield f"Retrieving it failed {row.attempts} times; it is tried last and alone."
        if row.rechecks:
            yield f"It was retrieved again {row.rechecks} times and not confirmed."
        if row.retry_at is not None:
            yield f"It is retrieved again after {time_form(row.retry_at)}."
    live = [f"UID {place.uid} of {place.mailbox}" for place in places if place.live]
    if live:
        yield f"Mail programs see it: {', '.join(live)}."
    elif body is not None:
        where = f" It was in {', '.join(lost)}, which is deleted." if lost else ""
        yield f"No mail program sees it; `popbridge undelete` can bring it back.{where}"
    elif row is not None and row.expunged_at is not None:
        yield "Its octets are purged; its hash is kept, so that it doesn't come back."
    if row is not None:
        yield "The provider lists it." if row.missing_since is None else _is_gone(row)


def _is_gone(row: Known) -> str:
    whose = "popbridge deleted it there" if row.dele_at is not None else "popbridge didn't do that"
    return f"The provider lists it no more: {whose}."


def _named(row: Known) -> str:
    return f"UIDL {uidl_text(row.uidl)}" if row.uidl else "without UIDL"


def _measure(row: Known, body: Body | None) -> str:
    sha = f", SHA-256 {row.full_hash.hex()}" if row.full_hash else ""
    if body is None:
        return sha
    differs = "" if body.size == row.size else f", {body.size - row.size:+,} against LIST"
    return f": {body.size:,} octets{differs}{sha}"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
