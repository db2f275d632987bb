"""What `verify` can find, what each finding means, and what to do about it. Pure."""

from dataclasses import dataclass
from enum import Enum

from bridge.model.mailbox import Mailbox
from bridge.store.checks import LedgerFault, MessageCheck, Recount, Whereabouts


class Kind(Enum):
    """What is not as it must be."""

    OCTETS = "octets"
    UNREADABLE = "unreadable"
    HASHES = "hashes"
    SHAPE = "shape"
    ANSWERS = "answers"
    PLACELESS = "placeless"
    EXPUNGED = "expunged"
    COUNTERS = "counters"
    UIDNEXT = "uidnext"
    MODSEQ = "modseq"
    UIDVALIDITY = "uidvalidity"
    LEDGER = "ledger"
    LEDGER_HASHES = "ledger_hashes"
    ORPHANS = "orphans"
    DATABASE = "database"
    UNACCOUNTED = "unaccounted"


_REPORT = "Report it with this line; no mail is lost."
_DATABASE = "Keep the data folder as it is, and put a backup back: popbridge restore DIR."
_MEANINGS = {
    Kind.OCTETS: "Its copy here is damaged; it is never deleted upstream while it is.",
    Kind.UNREADABLE: "Its copy here is damaged; it is never deleted upstream while it is.",
    Kind.HASHES: "Its octets are right; it may not be recognised when the provider renames it.",
    Kind.SHAPE: "Its octets are right, but mail programs can't list or search it.",
    Kind.ANSWERS: "Its octets are right; another version worked this out, or it is damaged.",
    Kind.PLACELESS: "Its octets are here, but no mail program sees it.",
    Kind.EXPUNGED: "A purge could take it away while mail programs still see it.",
    Kind.COUNTERS: "Mail programs are told wrong numbers of messages; mail itself is right.",
    Kind.UIDNEXT: "A UID could be given twice, and mail programs would mix up two messages.",
    Kind.MODSEQ: "Mail programs could miss a change; mail itself is right.",
    Kind.UIDVALIDITY: "A new mailbox could be taken for an old one.",
    Kind.LEDGER: "It won't be fetched again, and it is not here.",
    Kind.LEDGER_HASHES: "It is never deleted upstream, and may be fetched twice.",
    Kind.ORPHANS: "They only take space.",
    Kind.DATABASE: "The database file is damaged; what it says elsewhere may be wrong too.",
    Kind.UNACCOUNTED: "The ledger takes it for held, and it is not here.",
}
_REMEDIES = {
    Kind.ANSWERS: "If popbridge wasn't upgraded since it came, report it.",
    Kind.DATABASE: _DATABASE,
}
_OF_LOST_OCTETS = {
    Kind.OCTETS,
    Kind.UNREADABLE,
    Kind.LEDGER,
    Kind.UNACCOUNTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be; `where` tells whose message it is, if it is one's."""

    kind: Kind
    what: str
    login: str | None = None
    mailbox: str | None = None
    uid: int | None = None
    uidl: bytes | None = None
    listed: bool = False
    """Whether the provider still listed the message when last asked."""

    @property
    def meaning(self) -> str:
        """What it means for whoever owns the mail."""
        return _MEANINGS[self.kind]

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.kind in _OF_LOST_OCTETS:
            return _remedy_of_loss(listed=self.listed, from_upstream=self.uidl is not None)
        return _REMEDIES.get(self.kind, _REPORT)

    def form(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "kind": self.kind.value,
            "login": self.login,
            "mailbox": self.mailbox,
            "uid": self.uid,
            "uidl": None if self.uidl is None else uidl_text(self.uidl),
            "text": self.what,
            "meaning": self.meaning,
            "remedy": self.remedy,
        }


def of_message(kind: Kind, what: str, login: str, where: Whereabouts) -> Finding:
    """A finding about a message."""
    mailbox, uid = where.places[0] if where.places else (None, None)
    return Finding(
        kind=kind,
        what=what,
        login=login,
        mailbox=mailbox,
        uid=uid,
        uidl=where.uidl,
        listed=where.listed,
    )


def of_mailbox(login: str, mailbox: Mailbox, count: Recount) -> list[Finding]:
    """What is wrong with a mailbox's numbers, as of one moment."""
    wrong = [
        (Kind.COUNTERS, f"its count of {name} is {noted}, and {count.counted[name]} is right")
        for name, noted in count.noted.items()
        if noted != count.counted[name]
    ]
    if count.highest_uid >= mailbox.uidnext:
        what = f"it has UID {count.highest_uid}, and UIDNEXT is {mailbox.uidnext}"
        wrong.append((Kind.UIDNEXT, what))
    if max(count.highest_modseq, count.floor) > mailbox.highest_modseq:
        what = f"it has a modseq above its HIGHESTMODSEQ {mailbox.highest_modseq}"
        wrong.append((Kind.MODSEQ, what))
    return [
        Finding(kind=kind, what=what, login=login, mailbox=mailbox.name) for kind, what in wrong
    ]


def of_ledger(login: str, fault: LedgerFault) -> Finding:
    """A ledger row that says what isn't so."""
    kind, what = Kind.LEDGER, "the ledger says that it is held, and nothing is"
    if fault.differ:
        kind, what = Kind.LEDGER_HASHES, f"the ledger's {', '.join(fault.differ)} isn't its own"
    return Finding(kind=kind, what=what, login=login, uidl=fault.uidl, listed=fault.listed)


def misplaced(message: MessageCheck) -> tuple[Kind, str] | None:
    """What is wrong with where a message is, if anything."""
    if message.live and message.expunged:
        return Kind.EXPUNGED, "it is marked as expunged, and is in a mailbox"
    if not message.live and not message.expunged:
        return Kind.PLACELESS, "it is in no mailbox, and not marked as expunged"
    return None


def uidl_text(uidl: bytes) -> str:
    """A UIDL as people read it (RFC 1939 §7: octets 0x21 to 0x7E; others are shown as they are)."""
    return uidl.decode("utf-8", "backslashreplace")


def _remedy_of_loss(*, listed: bool, from_upstream: bool) -> str:
    """What to do for a message whose octets aren't here as they came."""
    if listed:
        return (
            "It is still upstream: get it there, by the provider's webmail or another POP3 program,"
            " or put a backup back: popbridge restore DIR."
        )
    if from_upstream:
        return "The provider doesn't list it any more: put a backup back: popbridge restore DIR."
    return "A mail program put it here: copy it again, or put a backup back: popbridge restore DIR."
