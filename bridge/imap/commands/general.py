"""Commands without arguments (RFC 9051 §6.1, §6.2.1, §6.3.10, §6.3.13; RFC 3501 §6.4.1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """CAPABILITY."""


@dataclass(frozen=True, slots=True)
class Noop:
    """NOOP."""


@dataclass(frozen=True, slots=True)
class Check:
    """CHECK, which asks for nothing more than NOOP here: every commit is synced."""


@dataclass(frozen=True, slots=True)
class Logout:
    """LOGOUT."""


@dataclass(frozen=True, slots=True)
class Starttls:
    """STARTTLS."""


@dataclass(frozen=True, slots=True)
class Idle:
    """IDLE (RFC 2177)."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """NAMESPACE (RFC 2342)."""
