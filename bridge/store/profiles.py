"""What is remembered of each account's provider."""

from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from bridge.model.ids import AccountId
from bridge.model.profile import Habits, Profile
from bridge.store import schema
from bridge.store.base import Reads, Writes, moment, time_text

_T = schema.profile
_OF = select(_T).where(_T.c.account_id == bindparam("account"))
_DELAYS = select(_T.c.account_id, _T.c.login_delay_s).where(_T.c.login_delay_s > 0)
_FROZEN = select(_T.c.account_id).where(_T.c.frozen_since.is_not(None))
_HABITS = ("mechanism", "capa", "pipelining")
_AS_THEY_ARE = (
    "wrong_sizes",
    "bare_lf",
    "uidls_unstable",
    "hides",
    "login_delay_s",
    "expire_days",
    "implementation",
    "last_uidl",
    "frozen_reason",
)
_TRUTHS = ("capa", "pipelining", "bare_lf", "uidls_unstable", "hides")
_TIMES = ("listed_at", "frozen_since")


class ProfileReads(Reads):
    """Queries about providers."""

    def profile(self, account_id: AccountId) -> Profile:
        """What is remembered; a blank profile before the first sync."""
        row = self.one(_OF, account=account_id)
        if row is None:
            return Profile(account_id=account_id)
        named: dict[str, Any] = dict(zip(_T.c.keys(), row, strict=True))
        named |= {name: bool(named[name]) for name in _TRUTHS}
        messages, octets = named["stat_messages"], named["stat_octets"]
        return Profile(
            account_id=account_id,
            habits=Habits(**{name: named[name] for name in _HABITS}),
            stat=None if messages is None else (messages, octets),
            **{name: named[name] for name in _AS_THEY_ARE},
            listed_at=moment(named["listed_at"]),
            frozen_since=moment(named["frozen_since"]),
        )

    def login_delays(self) -> dict[AccountId, int]:
        """The least seconds between two log-ins of accounts whose provider asked for some."""
        return {AccountId(account): seconds for account, seconds in self.all(_DELAYS)}

    def frozen_accounts(self) -> set[AccountId]:
        """The accounts of which nothing is deleted upstream for now."""
        return {AccountId(account) for (account,) in self.all(_FROZEN)}


class ProfileWrites(Writes, ProfileReads):
    """Changes to what is remembered."""

    def save_profile(self, profile: Profile) -> None:
        """Replaces the account's profile."""
        messages, octets = profile.stat or (None, None)
        self.do(delete(_T).where(_T.c.account_id == profile.account_id))
        self.do(
            insert(_T),
            account_id=profile.account_id,
            stat_messages=messages,
            stat_octets=octets,
            **{name: getattr(profile.habits, name) for name in _HABITS},
            **{name: getattr(profile, name) for name in _AS_THEY_ARE},
            **{name: time_text(getattr(profile, name)) for name in _TIMES},
        )
