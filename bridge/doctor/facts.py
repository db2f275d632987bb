"""What was found, as values; a fact that there is none of is a `Missing`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge.doctor.finding import Missing
from bridge.errors import BridgeError


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file or folder: owner as a user's number, `mode` its permission bits."""

    path: Path
    owner: int
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Configuration, folder and disk; `now` aware UTC."""

    now: datetime
    user: int
    config_file: Path
    config_found: bool
    config_error: BridgeError | None
    data: FileFacts | Missing
    key: FileFacts | Missing
    files: tuple[FileFacts, ...]
    """Others in the folder that hold mail or secrets."""
    free_octets: int | Missing
    reserve_octets: int
    file_system: str | Missing
    """Its type, such as "ext4" or "nfs4"."""
    needs_octets: int
    """What the store's log may need besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The certificate that mail apps should see, from its file."""

    now: datetime
    path: Path
    private: bool
    """Whether popbridge made it."""
    error: BridgeError | None
    begins: datetime | None = None
    ends: datetime | None = None
    names: frozenset[str] = frozenset()
    """Host names and addresses that it is for."""
    wanted: frozenset[str] = frozenset()
    """Names that are configured for people to use: each should be among them."""
    machine: frozenset[str] = frozenset()
    """Names of this machine: one of them should be."""
    chain: tuple[bytes, ...] = ()
    """DER, the server's own first."""
    key: FileFacts | Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What whoever has the store says; `running` whether that is a daemon."""

    now: datetime
    running: bool
    answer: Mapping[str, Any] | Missing
    """As `bridge.admin.examining.examine_store`."""
    error: BridgeError | None
    """Why there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What was found of an account."""

    now: datetime
    status: Mapping[str, Any]
    """As `popbridge status --json` has it."""
    found: Mapping[str, Any]
    """As `bridge.admin.examining.examine_account`; empty where that failed."""
    error: BridgeError | None
    """Why it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of a step of a conversation: `told` in words, or `trouble`."""

    seconds: float = 0.0
    told: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a TLS handshake showed."""

    version: str
    chain: tuple[bytes, ...]
    """DER, as far as Python tells: before 3.13 only the server's own."""
    distrust: str
    """Why a client that trusts what it should refuses it; "" where it doesn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapFacts:
    """A listener, as a mail app meets it."""

    url: str
    served: Served
    greeting: Step
    protection: Protection | Missing
    capabilities: frozenset[str] | Missing
    others: frozenset[str] | Missing
    """The capabilities told without TLS to who comes from elsewhere than loopback."""
    talk: Mapping[str, Step]
    """By name of a step; none from the one on that failed."""
    no_talk: str
    """Why nobody logged in; "" where somebody tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """All that run.json tells of, and what is configured for proxies."""

    unknown: str
    """Why nobody knows of any; "" where somebody does."""
    imap: tuple[str, ...]
    proxied: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts:
    """A listener of [metrics] or [web]: what each path answered."""

    url: str
    answers: Mapping[str, Step]
    outside: str | Missing
    """An address by which it can be reached from elsewhere; "" where there is none."""
