"""Who may see the page: one-time links, sessions, form tokens, names, and a brake. Pure.

Links and cookies are 256 random bits; only their hashes are kept, and only in memory.
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address

LINK_S = 15 * 60
"""Long enough to walk to another device with it."""

MAX_LINKS = 10

IDLE_S = 12 * 3600
"""A day's work; the page's own refreshing doesn't count as use."""

LIFE_S = 7 * 86_400
MAX_SESSIONS = 20
"""With one more the one that was unused longest ends."""

WRONG_PER_MINUTE = 10
MAX_PEERS = 1000

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")

Monotonic = Callable[[], float]


@dataclass(slots=True, eq=False)
class Session:
    """A browser that has signed in."""

    csrf: str
    began: float
    used: float
    message: "Message | None" = None
    """Shown on the next page, once."""


@dataclass(frozen=True, slots=True)
class Message:
    """What became of a form; `secret` is a device's new password, with its name."""

    text: str
    remedy: str = ""
    bad: bool = False
    device: str = ""
    secret: str = field(default="", repr=False)


class Links:
    """One-time links."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def make(self) -> str:
        """The secret part of a new link."""
        token = secrets.token_urlsafe(32)
        self._until[_hash(token)] = self._monotonic() + LINK_S
        while len(self._until) > MAX_LINKS:
            self._until.popitem(last=False)
        return token

    def use(self, token: str) -> bool:
        """Whether it is a link that was made and neither used nor out of time; it is used then."""
        until = self._until.pop(_hash(token), None)
        return until is not None and self._monotonic() < until


class Sessions:
    """The browsers that have signed in, by the hash of their cookie."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self) -> tuple[str, Session]:
        """A new cookie and its session."""
        cookie, now = secrets.token_urlsafe(32), self._monotonic()
        session = Session(secrets.token_urlsafe(32), now, now)
        self._sessions[_hash(cookie)] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie, session

    def find(self, cookie: str, *, use: bool = True) -> Session | None:
        """The session, if it stands; `use` keeps it from growing idle."""
        key, now = _hash(cookie), self._monotonic()
        session = self._sessions.get(key)
        if session is None:
            return None
        if now - session.used >= IDLE_S or now - session.began >= LIFE_S:
            del self._sessions[key]
            return None
        if use:
            session.used = now
            self._sessions.move_to_end(key)
        return session

    def end(self, cookie: str) -> None:
        """Signs out."""
        self._sessions.pop(_hash(cookie), None)


class Brake:
    """Slows who tries links that are none; a right link always works."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wrong(self, peer: str) -> bool:
        """Notes a wrong try of an address; whether it has had too many within a minute."""
        now = self._monotonic()
        times = [at for at in self._wrong.pop(peer, []) if now - at < 60]
        if len(times) <= WRONG_PER_MINUTE:
            times.append(now)
        self._wrong[peer] = times
        if len(self._wrong) > MAX_PEERS:
            self._wrong.popitem(last=False)
        return len(times) > WRONG_PER_MINUTE


def known_host(header: str, names: Collection[str]) -> bool:
    """Whether a Host header names this machine: else another site's name may have been made to
    point here (DNS rebinding). An address can't be made to."""
    found = _HOST.fullmatch(header)
    if found is None:
        return False
    host = found[1].strip("[]").lower().removesuffix(".")
    try:
        ip_address(host)
    except ValueError:
        return host in names
    return True


def own_origin(origin: str | None, site: str | None, host: str, *, secure: bool) -> bool:
    """Whether a form came from a page of ours, by Origin, or Sec-Fetch-Site where there is none.

    Args:
        origin, site: the headers.
        host: the Host header.
        secure: whether this came over TLS; behind a proxy that ends it, it seems not to.
    """
    if site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return site == "same-origin"
    return origin == f"https://{host}" or (not secure and origin == f"http://{host}")


def same_token(session: Session, given: str) -> bool:
    """Whether a form carries the session's token."""
    return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "replace"))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
