"""What a mail app is to be told: one object, from which every form is made. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from urllib.parse import urlsplit

from bridge.errors import UsageError
from bridge.model.account import Submission

_EVERYWHERE = ("0.0.0.0", "::", "*")


class Protection(Enum):
    """How a connection is protected, in the words of mail apps."""

    TLS = "SSL/TLS"
    STARTTLS = "STARTTLS"


@dataclass(frozen=True, slots=True)
class Server:
    """Where an app connects; `host` without brackets."""

    host: str
    port: int
    protection: Protection


@dataclass(frozen=True, slots=True)
class Authority:
    """The private authority that popbridge made."""

    certificate: bytes
    """DER."""
    fingerprint: str
    """SHA-256 of it, as apps show it: "AB:CD:…"."""
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """All that can be told of one account."""

    login: str
    address: str | None
    """The mail address, None where nobody has said it."""
    name: str
    """Whom others see in From; may be empty."""
    imap: tuple[Server, ...]
    """Best first; at least one."""
    submission: Submission | None
    """Where mail is sent by, which isn't popbridge."""
    fingerprint: str | None
    """SHA-256 of the certificate that popbridge shows, None before it has one."""
    authority: Authority | None
    """None where the certificate is configured, or not made yet."""
    password: str | None = None
    """The device's own, where it is to be handed on."""

    def best(self) -> Server:
        """The listener that an app does best to use."""
        return self.imap[0]


def choose_address(*known: str) -> str | None:
    """The first that looks like a mail address, None if none does."""
    return next((one for one in known if "@" in one[1:-1]), None)


def servers_at(urls: Iterable[str], host: str | None, own: str) -> tuple[tuple[Server, ...], bool]:
    """Where apps connect, implicit TLS first, and whether other devices can.

    Args:
        urls: the listeners; one without a port yet is left out.
        host: what devices reach this machine by; None: as it is listened on.
        own: this machine's name, which stands for every address.
    """
    places = [(one.scheme, one.hostname or "", one.port or 0) for one in map(urlsplit, urls)]
    places = [one for one in places if one[2]]
    public = [one for one in places if not is_local(one[1])]
    found = [
        Server(
            host or (own if name in _EVERYWHERE else name),
            port,
            Protection.TLS if scheme == "imaps" else Protection.STARTTLS,
        )
        for scheme, name, port in public or places
    ]
    # One for IPv4 and IPv6.
    unlike = dict.fromkeys(found)
    best = sorted(unlike, key=lambda one: one.protection is not Protection.TLS)
    return tuple(best), bool(public)


def is_local(host: str) -> bool:
    """Whether only this machine reaches a listener there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_outgoing(settings: ClientSettings, form: str) -> tuple[Submission, str]:
    """Outgoing server and address, without which apps refuse the form.

    Raises:
        UsageError: they aren't known.
    """
    if settings.submission is None:
        raise UsageError(
            f"A {form} needs the server that mail is sent by, and {settings.login} names none.",
            f"popbridge account set {settings.login} --smtp smtps://USER@HOST, as your provider"
            " says.",
        )
    if settings.address is None:
        raise UsageError(
            f"A {form} needs a mail address, and {settings.login} is none.",
            "Name it with --address.",
        )
    return settings.submission, settings.address
