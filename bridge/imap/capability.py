"""The one table of what the server offers, and when (RFC 9051 §7.2.2)."""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Offer:
    """A capability token, its RFC, and whether it is for before or after log-in."""

    token: str
    rfc: int
    before: bool = False
    after: bool = True
    needs: tuple[str, ...] = ()
    """Names without which it isn't offered either."""
    by_default: bool = True
    """Else only to accounts whose withheld names have it with "+" before it."""


APPEND_LIMIT_OCTETS = 64 << 20
"""Larger than any provider lets through by mail."""

MECHANISMS = ("AUTH=SCRAM-SHA-256", "AUTH=PLAIN")
"""SCRAM never shows a password, but who reads along can try passwords against what it shows
(RFC 5802 §9): both are offered under the same condition."""

_IN_REV2 = (
    "BINARY",
    "ENABLE",
    "ESEARCH",
    "IDLE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "NAMESPACE",
    "SEARCHRES",
    "SPECIAL-USE",
    "STATUS",
    "UIDPLUS",
    "UNSELECT",
)
"""Who enables IMAP4rev2 may use these without asking for them (RFC 9051 Appendix E)."""

OFFERS = (
    Offer("IMAP4rev1", 3501, before=True),
    Offer("IMAP4rev2", 9051, before=True, needs=_IN_REV2),
    Offer("LITERAL+", 7888, before=True),
    Offer("SASL-IR", 4959, before=True),
    Offer("ID", 2971, before=True),
    Offer("ENABLE", 5161),
    Offer("CONDSTORE", 7162),
    Offer("QRESYNC", 7162, needs=("CONDSTORE", "ENABLE")),
    Offer("IDLE", 2177),
    Offer("NOTIFY", 5465),
    Offer("NAMESPACE", 2342),
    Offer("MULTIAPPEND", 3502),
    Offer("UIDPLUS", 4315),
    Offer("UNSELECT", 3691),
    Offer("MOVE", 6851),
    Offer("QUOTA", 9208),
    Offer("QUOTA=RES-STORAGE", 9208),
    Offer("WITHIN", 5032),
    Offer("ESEARCH", 4731),
    Offer("SEARCHRES", 5182, needs=("ESEARCH",)),
    Offer("MULTISEARCH", 7377),
    Offer("PARTIAL", 9394),
    Offer("SORT", 5256),
    Offer("SORT=DISPLAY", 5957),
    Offer("ESORT", 5267, needs=("SORT",)),
    Offer("THREAD=ORDEREDSUBJECT", 5256),
    Offer("THREAD=REFERENCES", 5256),
    Offer("THREAD=REFS", 5256),
    Offer("I18NLEVEL=1", 5255),
    Offer("UTF8=ACCEPT", 6855, needs=("ENABLE",)),
    Offer("CHILDREN", 3348),
    Offer("SPECIAL-USE", 6154),
    Offer("CREATE-SPECIAL-USE", 6154),
    Offer("OBJECTID", 8474),
    Offer("SAVEDATE", 8514),
    Offer("PREVIEW", 8970),
    Offer("LIST-EXTENDED", 5258),
    Offer("LIST-STATUS", 5819, needs=("LIST-EXTENDED",)),
    Offer("STATUS=SIZE", 8438),
    Offer("METADATA", 5464),
    Offer("LIST-METADATA", 9590, needs=("LIST-EXTENDED", "METADATA")),
    Offer("COMPRESS=DEFLATE", 4978),
    Offer("BINARY", 3516),
    Offer("REPLACE", 8508),
    Offer("INPROGRESS", 9585),
    # Clients are known that enable whatever they know, and then send message numbers.
    Offer("UIDONLY", 9586, needs=("ENABLE",), by_default=False),
)


@lru_cache(maxsize=64)
def with_dependents(withheld: frozenset[str]) -> frozenset[str]:
    """The names, those of what isn't offered by default, and those of what needs one of them."""
    asked = (offer.token for offer in OFFERS if not offer.by_default)
    withheld = withheld.union(name for name in asked if f"+{name}" not in withheld)
    needing = (offer for offer in OFFERS if not withheld.isdisjoint(offer.needs))
    return withheld.union(offer.token.partition("=")[0] for offer in needing)


def capabilities(
    *,
    authenticated: bool,
    secure: bool,
    login_allowed: bool,
    append_octets: int,
    withheld: frozenset[str] = frozenset(),
) -> bytes:
    """The tokens in this state, separated by spaces.

    Args:
        authenticated, secure, login_allowed: the state.
        append_octets: APPENDLIMIT (RFC 7889).
        withheld: names that aren't listed, with all their variants ("QUOTA=...").
    """
    tokens = [offer.token for offer in OFFERS if (offer.after if authenticated else offer.before)]
    if authenticated:
        tokens.append(f"APPENDLIMIT={append_octets}")
    else:
        if not secure:
            tokens.append("STARTTLS")
        tokens += MECHANISMS if login_allowed else ("LOGINDISABLED",)
    offered = [token for token in tokens if token.partition("=")[0] not in withheld]
    return " ".join(offered).encode("ascii")
