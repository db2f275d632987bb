"""What people write in an option or a setting: URLs, policies, listeners, durations, sizes.

Everything that can't be read raises `UsageError`; `bridge.config` adds where it stands.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from bridge.errors import UsageError
from bridge.model.account import Security, Submission, Upstream
from bridge.model.policy import Policy

DEFAULT_PORTS = {Security.IMPLICIT: 995, Security.STLS: 110, Security.PLAIN: 110}
FORM = "Write pop3s://user@host, pop3://user@host or pop3+plain://user@host."
SMTP_FORM = "Write smtps://user@host, or smtp://user@host for STARTTLS."
SMTP_PORTS = {True: 465, False: 587}
"""By whether TLS is implicit (RFC 8314 §3.3)."""
MAX_HOST_NAME = 253

DURATION_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
SIZE_UNITS = {
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "kB": 10**3,
    "B": 1,
}
MAX_DURATION_S = 36_500 * 86_400
"""A century: more can't be added to a date."""
MAX_SIZE = 2**63 - 1
"""What a column of the store can hold."""
DEFAULT_LISTEN_PORTS = {"imap": 143, "imaps": 993, "http": 80, "https": 443}
EVERY_ADDRESS = ("0.0.0.0", "::")

_QUANTITY = re.compile(r"([0-9]{1,19})([A-Za-z]+)")
_LISTEN = re.compile(r"([a-z]+)://(\*|\[[^\[\]]*\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"[0-9]{1,5}")
_COUNT = re.compile(r"[0-9]{1,9}")
POLICIES = "keep, delete, delete-after=30d, mirror, keep-newest=500 or keep-below=40MB"


def parse_pop3_url(url: str) -> Upstream:
    """Returns the upstream that a POP3 URL names.

    The last `@` ends the user name, which is percent-decoded; an IPv6 address stands in brackets.
    No error repeats the user part: a password may stand in it.

    Raises:
        UsageError: it is no POP3 URL, or it carries a password.
    """
    scheme, separator, rest = url.partition("://")
    security = _security(scheme) if separator else None
    if security is None:
        raise UsageError("This is not the URL of a POP3 mailbox.", FORM)
    password = UsageError(
        "A POP3 URL may not carry a password: other users of this machine could read it.",
        "Leave it out and use --pop3-password-file; a colon of the user name is written %3A.",
    )
    host, port, user = _place(rest, "POP3", FORM, password)
    return Upstream(host=host, port=port or DEFAULT_PORTS[security], user=user, security=security)


def pop3_url(upstream: Upstream) -> str:
    """Returns the URL that `parse_pop3_url` reads as this upstream; a default port is left out."""
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    port = "" if upstream.port == DEFAULT_PORTS[upstream.security] else f":{upstream.port}"
    # An @ stays as it is, for the last one splits: addresses are the commonest user names.
    return f"{upstream.security.value}://{quote(upstream.user, safe='@+')}@{host}{port}"


def parse_smtp_url(url: str) -> Submission:
    """Returns the server that an SMTP URL names; user and host as in `parse_pop3_url`.

    Raises:
        UsageError: it is no SMTP URL, or it carries a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("smtp", "smtps"):
        raise UsageError("This is not the URL of a server to send by.", SMTP_FORM)
    implicit = scheme.lower() == "smtps"
    password = UsageError(
        "An SMTP URL may not carry a password: popbridge sends nothing and needs none.",
        "Leave it out; a colon of the user name is written %3A.",
    )
    host, port, user = _place(rest, "SMTP", SMTP_FORM, password)
    return Submission(
        host=host, port=port or SMTP_PORTS[implicit], user=user, implicit_tls=implicit
    )


def smtp_url(submission: Submission) -> str:
    """Returns the URL that `parse_smtp_url` reads as this server; a default port is left out."""
    host = f"[{submission.host}]" if ":" in submission.host else submission.host
    implicit = submission.implicit_tls
    port = "" if submission.port == SMTP_PORTS[implicit] else f":{submission.port}"
    user = quote(submission.user, safe="@+")
    return f"{'smtps' if implicit else 'smtp'}://{user}@{host}{port}"


def parse_policy(text: str) -> str:
    """Returns the policy in its one spelling, as it is stored.

    Raises:
        UsageError: as `read_policy`.
    """
    return format_policy(read_policy(text))


def read_policy(text: str) -> Policy:
    """Returns the policy that rules joined by commas make.

    Raises:
        UsageError: a rule is none, stands twice or contradicts another.
    """
    rules = [rule.strip() for rule in text.split(",")]
    if rules == ["keep"]:
        return Policy()
    if "keep" in rules:
        raise UsageError(
            "The policy keep can't be joined with others: it says that nothing is deleted.",
            "Write keep alone, or leave it out.",
        )
    found: dict[str, bool | int] = {}
    for rule in rules:
        field, value = _rule(rule)
        if field in found:
            raise UsageError(f"The policy has two rules like {rule!r}.", "Write one of them.")
        found[field] = value
    return Policy(**found)  # type: ignore[arg-type]


def format_policy(policy: Policy) -> str:
    """Returns the one spelling of a policy, which `read_policy` reads."""
    rules = ["delete"] * policy.delete
    if policy.delete_after_s is not None:
        rules.append(f"delete-after={format_duration(policy.delete_after_s)}")
    rules += ["mirror"] * policy.mirror
    if policy.keep_newest is not None:
        rules.append(f"keep-newest={policy.keep_newest}")
    if policy.keep_below is not None:
        rules.append(f"keep-below={format_size(policy.keep_below)}")
    return ",".join(rules) or "keep"


def _rule(rule: str) -> tuple[str, bool | int]:
    """Returns the field of `Policy` that a rule sets, and what to."""
    name, equals, text = rule.partition("=")
    field, value = "", -1
    match name, bool(equals):
        case (("delete" | "mirror"), False):
            return name, True
        case "delete-after", True:
            field, value = "delete_after_s", parse_duration(text)
        case "keep-newest", True if _COUNT.fullmatch(text):
            field, value = "keep_newest", int(text)
        case "keep-below", True:
            field, value = "keep_below", parse_size(text)
    if not field:
        raise UsageError(f"{rule!r} is not a policy.", f"Write {POLICIES}.")
    if value == 0:
        raise UsageError(
            f"{rule!r} would delete everything that is held here.",
            "Write delete if that is what you want.",
        )
    return field, value


def _security(scheme: str) -> Security | None:
    try:
        return Security(scheme.lower())
    except ValueError:
        return None


def _user(raw: str, kind: str) -> str:
    if _BAD_PERCENT.search(raw):
        raise UsageError(
            f"The user name of the {kind} URL has a % without two hexadecimal digits after it.",
            "Write a percent sign as %25.",
        )
    try:
        user = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeError:
        raise UsageError(
            f"The user name of the {kind} URL is not UTF-8.",
            "Percent-encode the octets of its UTF-8 form.",
        ) from None
    # It becomes part of a command line: a line end in it would smuggle in a second command.
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in user):
        raise UsageError(
            f"The user name of the {kind} URL holds a control character.",
            "Check the user name: letters, digits, punctuation and spaces are possible.",
        )
    return user


def _place(rest: str, kind: str, form: str, password: UsageError) -> tuple[str, int | None, str]:
    """Returns host, port (None where none is named) and user of what stands behind "://".

    Raises:
        UsageError: `password` where one is in it; it has no such form.
    """
    raw_user, _, place = rest.rpartition("@")
    if ":" in raw_user:
        raise password
    if not raw_user:
        raise UsageError(f"The {kind} URL names no user.", form)
    host, port = _host_and_port(place.removesuffix("/"))
    return (
        _host(host, kind, form),
        None if port is None else _port(port),
        _user(raw_user, kind),
    )


def _host_and_port(place: str) -> tuple[str, str | None]:
    """Returns host, still in its brackets, and the text of the port."""
    if place.startswith("["):
        inside, bracket, after = place.partition("]")
        if bracket and (not after or after.startswith(":")):
            return inside + bracket, after[1:] if after else None
    elif place.count(":") <= 1:
        host, colon, port = place.partition(":")
        return host, port if colon else None
    raise UsageError(
        f"{place!r} is not a host with a port.", "Write an IPv6 address in brackets: [::1]:995."
    )


def _host(text: str, kind: str, form: str) -> str:
    if not text:
        raise UsageError(f"The {kind} URL names no host.", form)
    try:
        if text.startswith("["):
            return str(ipaddress.IPv6Address(text[1:-1]))
        # An international name is asked for, and certified, in its ASCII form.
        name = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except ValueError:
        name = ""
    if len(name) > MAX_HOST_NAME or not _HOST_NAME.fullmatch(name):
        raise UsageError(
            f"{text!r} is not a host.",
            "Write a host name, an IPv4 address or an IPv6 address in brackets, with no path.",
        )
    return name


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 0xFFFF:
        raise UsageError(f"{text!r} is not a port.", "Write a number from 1 to 65535.")
    return int(text)


def parse_duration(text: str) -> int:
    """Returns the seconds of a duration such as "5m".

    Raises:
        UsageError: it isn't a whole number with s, m, h or d, or is longer than a century.
    """
    return _quantity(
        text, DURATION_UNITS, MAX_DURATION_S, "a duration", "s, m, h or d, for example 5m"
    )


def parse_size(text: str) -> int:
    """Returns the octets of a size such as "500MB" (MB = 10**6, MiB = 2**20).

    Raises:
        UsageError: it isn't a whole number with a unit, or is more than a file can be.
    """
    return _quantity(
        text, SIZE_UNITS, MAX_SIZE, "a size", "B, kB, MB, GB, KiB, MiB or GiB, for example 500MB"
    )


def _quantity(text: str, units: Mapping[str, int], most: int, what: str, how: str) -> int:
    found = _QUANTITY.fullmatch(text)
    value = int(found[1]) * units.get(found[2], 0) if found else 0
    if found is None or found[2] not in units or value > most:
        raise UsageError(f"{text!r} is not {what}.", f"Write a whole number and {how}.")
    return value


def format_duration(seconds: int) -> str:
    """Returns the shortest text that `parse_duration` reads as so many seconds."""
    return _in_largest_unit(seconds, DURATION_UNITS)


def format_size(octets: int) -> str:
    """Returns the shortest text that `parse_size` reads as so many octets."""
    return _in_largest_unit(octets, SIZE_UNITS)


def _in_largest_unit(value: int, units: Mapping[str, int]) -> str:
    fitting = [unit for unit, worth in units.items() if value and value % worth == 0]
    unit = fitting[0] if fitting else list(units)[-1]
    return f"{value // units[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to accept connections: one socket for each host; port 0 means any free one."""

    scheme: str
    hosts: tuple[str, ...]
    """Without brackets."""
    port: int

    def __str__(self) -> str:
        host = "*" if self.hosts == EVERY_ADDRESS else self.hosts[0]
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Returns the listener that a URL such as "imaps://*:1993" names; `*` is IPv4 and IPv6.

    Raises:
        UsageError: scheme, host or port isn't one.
    """
    found = _LISTEN.fullmatch(text)
    if not found or found[1] not in DEFAULT_LISTEN_PORTS or int(found[3] or 0) > 0xFFFF:
        raise UsageError(
            f"{text!r} is not an address to listen on.",
            "Write a scheme (imap, imaps, http or https), a host and a port: imaps://*:1993 or"
            " imap://[::1]:1143.",
        )
    port = int(found[3]) if found[3] else DEFAULT_LISTEN_PORTS[found[1]]
    return Listen(found[1], _listen_hosts(found[2]), port)


def _listen_hosts(host: str) -> tuple[str, ...]:
    if host == "*":
        return EVERY_ADDRESS
    if not host.startswith("["):
        return (host.lower(),)
    try:
        return (str(ipaddress.IPv6Address(host[1:-1])),)
    except ValueError:
        raise UsageError(
            f"{host!r} is not an IPv6 address.", "Write it in brackets, for example [::1]."
        ) from None
