"""When nothing is deleted upstream because the provider's mailbox isn't what it was. Pure."""

from bridge.model.profile import RESTORED
from bridge.model.upstream import Known
from bridge.sync.matching import Matching

UIDLS_CHANGED = "uidls_changed"
EMPTIED = "emptied"
REASONS = frozenset({UIDLS_CHANGED, EMPTIED, RESTORED})
"""What ends by itself once everything that is listed is held."""

LEAST = 20
"""Of fewer messages than this most may go at once: someone tidied up."""

_WORDS = {
    RESTORED: (
        "This store is an old copy that was put back, so nothing is deleted at the provider.",
        "It ends by itself once everything that is listed is held here.",
    ),
    UIDLS_CHANGED: (
        "More than half of the messages that the provider had listed went at once, so nothing is"
        " deleted there.",
        "It ends by itself once everything that is listed is held here. If the provider moved"
        " the mailbox, there is nothing to do.",
    ),
    EMPTIED: (
        "The provider lists no message any more, though it had listed many. All of them are held"
        " here, and nothing is deleted.",
        "If nobody emptied the mailbox, ask the provider. It ends with the next message there.",
    ),
}


def tripped(matching: Matching) -> str | None:
    """The reason to freeze that a listing gives, if it does.

    More than half of at least `LEAST` messages that were listed the last time are gone; those
    that were deleted from here don't count.
    """
    gone = sum(map(_counts, matching.left))
    known = gone + matching.undeleted + sum(_counts(found.row) for found in matching.matches)
    if known < LEAST or 2 * gone <= known:
        return None
    return UIDLS_CHANGED if matching.listing.messages else EMPTIED


def words(reason: str) -> tuple[str, str] | None:
    """(what happened, what to do) for a reason of this module."""
    return _WORDS.get(reason)


def _counts(row: Known) -> bool:
    return bool(row.uidl) and row.missing_since is None and row.dele_at is None
