"""TLS per account: what may be asked for, and in words what it gives up."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from bridge.admin.checks import is_loopback
from bridge.errors import UsageError
from bridge.model.account import Security, TlsOptions, Upstream

VERSIONS = ("1.0", "1.1", "1.2", "1.3")
_SAFE = ("1.2", "1.3")
_FILES = ("authorities", "certificate", "key")
_PIN = re.compile(r"[0-9a-f]{64}")


def tls_form(options: TlsOptions) -> dict[str, object]:
    """As JSON shows them, and as `with_tls` reads them."""
    return {
        "minimum": options.minimum,
        "pins": sorted(options.pins),
        "ca": options.authorities,
        "certificate": options.certificate,
        "key": options.key,
        "legacy_ciphers": options.legacy_ciphers,
    }


def with_tls(upstream: Upstream, changes: Mapping[str, object]) -> Upstream:
    """The upstream with some TLS options changed; None is the default.

    Args:
        upstream: as it is.
        changes: of the names that `tls_form` has.

    Raises:
        UsageError: an option can't be, or there is no TLS that it could be for.
    """
    named = {_NAMES.get(name, name): value for name, value in changes.items()}
    unknown = sorted(named.keys() - _DEFAULTS.keys())
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no TLS option.", f"Choose of {', '.join(_SHOWN)}.")
    values = {k: _DEFAULTS[k] if v is None else _checked(k, v) for k, v in named.items()}
    options = replace(upstream.tls, **values)  # type: ignore[arg-type]
    if options.key is not None and options.certificate is None:
        raise UsageError("A key is of no use without its certificate.", "Name both.")
    if upstream.security is Security.PLAIN and options != TlsOptions():
        raise UsageError(
            "pop3+plain has no TLS that options could be for.",
            "Use pop3s:// or pop3://, or set the options to default.",
        )
    return replace(upstream, tls=options)


def parse_pin(text: str) -> str:
    """A certificate's SHA-256 as it is kept: `sha256:` and colons are left out.

    Raises:
        UsageError: it is none.
    """
    pin = text.strip().lower().removeprefix("sha256:").removeprefix("sha256 fingerprint=")
    pin = pin.replace(":", "")
    if not _PIN.fullmatch(pin):
        raise UsageError(
            f"{text!r} is no SHA-256 of a certificate.",
            "Write 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` does.",
        )
    return pin


def weaknesses(upstream: Upstream) -> list[str]:
    """What protects password and mail less than it would by default, a sentence each."""
    options, host = upstream.tls, upstream.host
    said = []
    if upstream.security is Security.PLAIN and not is_loopback(host):
        said.append(f"Password and mail cross the network to {host} for anyone to read.")
    if options.minimum not in _SAFE:
        said.append(f"TLS {options.minimum} is let pass for {host}; its secrecy can be broken.")
    if options.legacy_ciphers:
        said.append(f"Ciphers and keys that count as broken are let pass for {host}.")
    return said


def tls_warnings(upstream: Upstream) -> list[str]:
    """How the way to the provider differs from the usual, weaker or not, a sentence each."""
    options, host, said = upstream.tls, upstream.host, weaknesses(upstream)
    if options.pins:
        said.append(
            f"{host} is known by the SHA-256 of its certificate alone: names and authorities"
            " aren't looked at, and when it has a new certificate polling stops until the pin is"
            " changed."
        )
    if options.authorities is not None:
        said.append(f"{host} is trusted if an authority of {options.authorities} signed for it.")
    if options.certificate is not None:
        said.append(f"popbridge shows {host} the client certificate in {options.certificate}.")
    return said


_DEFAULTS = {field.name: field.default for field in fields(TlsOptions)}
_NAMES = {"ca": "authorities"}
_SHOWN = tuple(tls_form(TlsOptions()))


def _checked(name: str, value: object) -> object:
    match name:
        case "minimum" if value in VERSIONS:
            return value
        case "pins" if isinstance(value, Iterable) and not isinstance(value, str):
            return frozenset(parse_pin(str(one)) for one in value)
        case "legacy_ciphers" if isinstance(value, bool):
            return value
        case _ if name in _FILES and isinstance(value, str) and os.path.isabs(value):
            return value
    raise UsageError(f"{value!r} can't be the TLS option {name}.", _HOW[name])


_HOW = {
    "minimum": f"Choose of {', '.join(VERSIONS)}.",
    "pins": "Write a list of SHA-256 fingerprints.",
    "legacy_ciphers": "Write true or false.",
    **dict.fromkeys(_FILES, "Name a PEM file with its whole path."),
}
