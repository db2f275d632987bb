"""The settings for a person who types them, and the same as values of JSON. Pure."""

from collections.abc import Iterator, Sequence

from bridge.onboarding.client import ClientSettings, Protection

_TRUST = (
    "The certificate is by popbridge's own authority, which no device knows yet. Either compare",
    "the certificate's SHA-256 when the app shows it, and let the app trust it; or install the",
    "authority on the device: a phone or Mac does so with --format mobileconfig. On an iPhone",
    "switch it on as well: Settings, General, About, Certificate Trust Settings.",
)
_SENDING = "popbridge sends no mail: apps send by your provider, as before."


def card(settings: ClientSettings) -> str:
    """What is to be typed into any mail app, in lines."""
    return "\n".join(_lines(settings))


def form(settings: ClientSettings) -> dict[str, object]:
    """The same for programs; without the password."""
    smtp, authority = settings.submission, settings.authority
    return {
        "login": settings.login,
        "address": settings.address,
        "imap": [
            {"host": one.host, "port": one.port, "security": one.protection.value}
            for one in settings.imap
        ],
        "smtp": None
        if smtp is None
        else {
            "host": smtp.host,
            "port": smtp.port,
            "security": protection_of(smtp.implicit_tls).value,
            "login": smtp.user,
        },
        "certificate": {
            "fingerprint": settings.fingerprint,
            "authority": None if authority is None else authority.path,
            "authority_fingerprint": None if authority is None else authority.fingerprint,
        },
    }


def protection_of(implicit: bool) -> Protection:
    """TLS from the start, or STARTTLS."""
    return Protection.TLS if implicit else Protection.STARTTLS


def _lines(settings: ClientSettings) -> Iterator[str]:
    yield "Incoming mail (IMAP)"
    yield from _table(
        ("login", settings.login),
        ("password", f"the device's own: popbridge device add {settings.login} NAME"),
    )
    for number, one in enumerate(settings.imap):
        if number:
            yield "or"
        yield from _table(
            ("server", one.host), ("port", str(one.port)), ("security", one.protection.value)
        )
    yield ""
    yield "Outgoing mail (SMTP), at your provider"
    smtp = settings.submission
    if smtp is None:
        yield "  as your provider says; to have it stand here:"
        yield f"  popbridge account set {settings.login} --smtp smtps://USER@HOST"
    else:
        yield from _table(
            ("server", smtp.host),
            ("port", str(smtp.port)),
            ("security", protection_of(smtp.implicit_tls).value),
            ("login", smtp.user),
            ("password", "the provider's own"),
        )
    yield _SENDING
    if settings.fingerprint is not None:
        yield ""
        yield "Certificate"
        yield from _table(("SHA-256", settings.fingerprint))
    if settings.authority is not None:
        yield from _table(
            ("authority", settings.authority.path), ("its SHA-256", settings.authority.fingerprint)
        )
        yield from _TRUST


def _table(*rows: Sequence[str]) -> Iterator[str]:
    for name, value in rows:
        yield f"  {name:<12} {value}"
