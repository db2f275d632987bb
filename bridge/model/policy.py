"""When a message that is held here is deleted at the provider."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of an account; a message is due when any of them says so. None: everything stays.

    `bridge.url.read_policy` reads it, `bridge.url.format_policy` writes it.
    """

    delete: bool = False
    """As soon as it is proven held."""
    delete_after_s: int | None = None
    """Seconds since it was made durable here."""
    mirror: bool = False
    """A day after clients expunged it from its last mailbox."""
    keep_newest: int | None = None
    """Messages that stay, the newest ones."""
    keep_below: int | None = None
    """Octets, by the provider's sizes, within which the newest messages stay."""

    @property
    def deletes(self) -> bool:
        """Whether it can ever delete anything."""
        return self != KEEP

    @property
    def shrinks(self) -> bool:
        """Whether it looks at how much there is."""
        return self.keep_newest is not None or self.keep_below is not None


KEEP = Policy()


def describe(policy: Policy) -> str:
    """What the policy does, in a sentence for people."""
    rules = list(_rules(policy))
    if not rules:
        return "Everything stays at the provider."
    return f"A message is deleted at the provider once it is held here and {' or '.join(rules)}."


def _rules(policy: Policy) -> Iterator[str]:
    if policy.delete:
        yield "was read back and compared"
    if policy.delete_after_s is not None:
        yield f"has been held for {period(policy.delete_after_s)}"
    if policy.mirror:
        yield "a day has passed since you deleted it in your mail program"
    if policy.keep_newest is not None:
        yield f"is not among the newest {policy.keep_newest} there"
    if policy.keep_below is not None:
        yield f"the newer ones there fill {volume(policy.keep_below)}"


def period(seconds: float) -> str:
    """A length of time in whole units, as people say it."""
    for worth, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= worth:
            count = int(seconds // worth)
            return f"{count} {name}{'s' * (count != 1)}"
    return f"{int(seconds)} seconds"


def volume(octets: int) -> str:
    """An amount of mail, as people say it."""
    for worth, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if octets >= worth:
            return f"{octets / worth:.1f}".removesuffix(".0") + f" {name}"
    return f"{octets} octets"
