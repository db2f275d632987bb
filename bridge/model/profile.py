"""What is remembered of how an account's provider behaves."""

from dataclasses import dataclass
from datetime import datetime

from bridge.model.ids import AccountId

RESTORED = "restored"
"""Why deleting is frozen in a store that was put back from an old copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What sessions have learned of how a POP3 server wants to be spoken to."""

    mechanism: str | None = None
    """What logged in last: "APOP", "USER" or the name of a SASL mechanism."""
    capa: bool = True
    """Whether CAPA may be sent; some servers hang up on it."""
    pipelining: bool = True
    """Whether PIPELINING may be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is remembered of an account's provider from one sync to the next."""

    account_id: AccountId
    habits: Habits = Habits()
    wrong_sizes: int = 0
    """Messages whose LIST size misled: they were in doubt for it, and sound."""
    bare_lf: bool = False
    """Whether it was seen to end every line in LF alone; nothing is deleted there."""
    uidls_unstable: bool = False
    """Whether UIDLs are known not to stand for messages."""
    hides: bool = False
    """Whether it was seen to list no more what a session has retrieved."""
    login_delay_s: int = 0
    """Least seconds between log-ins that the server asked for last."""
    expire_days: int | None = None
    """Days that it keeps mail (EXPIRE, RFC 2449 §6.7); None where it doesn't say or never ends."""
    implementation: str = ""
    stat: tuple[int, int] | None = None
    """Messages and octets that STAT told after the last complete listing."""
    last_uidl: bytes | None = None
    """The UIDL of the highest number in it."""
    listed_at: datetime | None = None
    """When that listing came."""
    frozen_since: datetime | None = None
    """Since when nothing is deleted upstream; None while deleting isn't frozen."""
    frozen_reason: str | None = None
    """Why: a code of `bridge.sync.freeze`."""
