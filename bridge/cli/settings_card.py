"""`popbridge settings LOGIN`: what a mail app is to be told of an account."""

import json
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from bridge.cli.call import call
from bridge.cli.secret import read_secret
from bridge.cli.settings import Settings
from bridge.errors import ConfigError, StoreError, UsageError
from bridge.net.runfile import read_run_file
from bridge.onboarding.card import card, form
from bridge.onboarding.client import Authority, ClientSettings, choose_address, servers_at
from bridge.onboarding.profile import profile
from bridge.url import parse_pop3_url, parse_smtp_url

_SECRET_MODE = 0o600
_PICTURES = {".svg": "svg", ".png": "png"}


@click.command("settings")
@click.argument("login")
@click.option(
    "--format", "kind", default="card", show_default=True,
    type=click.Choice(("card", "json", "mobileconfig", "qr")),
    help="For people, programs, Apple's devices, Thunderbird on a phone.",
)  # fmt: skip
@click.option("--host", metavar="NAME", help="The name or address that devices reach this by.")
@click.option("--address", metavar="A@B", help="The mail address, where the login is none.")
@click.option("--name", default="", help="Whom others see in From.")
@click.option("--password-file", metavar="F", help="Puts a device's password into it.")
@click.option("--output", metavar="F", type=click.Path(path_type=Path), help="A file, not stdout.")
@click.pass_obj
def settings_command(obj: Any, /, login: str, kind: str, **options: Any) -> None:
    """Prints what a mail app needs to know to read LOGIN.

    No password is in it unless --password-file names one (- is standard input); the app asks then.
    A QR code is printed as text, or written as a picture to --output F.svg or F.png.
    """
    if options["password_file"] is not None and kind not in ("mobileconfig", "qr"):
        raise UsageError(
            "Only a profile or QR code carries a password.", "Leave --password-file out."
        )
    output = options["output"]
    if kind == "qr" and output is not None and output.suffix not in _PICTURES:
        raise UsageError(f"{output} is no picture.", "Name a file that ends in .svg or .png.")
    settings = obj.load()
    password = read_secret(options["password_file"], "password", ask=False)
    told = _told(settings, call(settings, "account show", {"login": login}), password, **options)
    _FORMS[kind](told, output)


def _told(
    settings: Settings,
    account: Mapping[str, Any],
    password: str | None,
    *,
    host: str | None,
    address: str | None,
    name: str,
    **_: object,
) -> ClientSettings:
    # Here, for `--help` needs none of what it loads.
    from bridge.net import tls

    running = read_run_file(settings.data / "run.json")
    urls = [str(one) for one in settings.config.imap.listen] if running is None else running.imap
    servers, reachable = servers_at(urls, host, socket.gethostname())
    if not servers:
        raise ConfigError(
            "No IMAP listener has a port yet.",
            "Start popbridge, or name a port under [imap] listen in popbridge.toml.",
        )
    if not reachable:
        click.echo(
            "Warning: every IMAP listener is on loopback: other devices can't connect. In"
            ' popbridge.toml: [imap] listen = ["imaps://*:1993"]',
            err=True,
        )
    certificate, authority = _certificate(settings)
    if certificate is not None and not tls.is_for(certificate, servers[0].host):
        click.echo(
            f"Warning: the certificate isn't for {servers[0].host}: apps will say that the name is"
            " wrong. Add it to [tls] names in popbridge.toml, or choose another with --host.",
            err=True,
        )
    submission = None if account.get("smtp") is None else parse_smtp_url(account["smtp"])
    known = (account["login"], submission.user if submission else "", _pop3_user(account))
    return ClientSettings(
        login=account["login"],
        address=address or choose_address(*known),
        name=name,
        imap=servers,
        submission=submission,
        fingerprint=None if certificate is None else tls.fingerprint(certificate),
        authority=authority,
        password=password,
    )


def _pop3_user(account: Mapping[str, Any]) -> str:
    return parse_pop3_url(account["pop3"]).user


def _certificate(settings: Settings) -> tuple[Path | None, Authority | None]:
    """The certificate that is served, and the private authority that signed it."""
    from bridge.net.tls import fingerprint

    if settings.config.tls.certificate:
        return settings.data / settings.config.tls.certificate, None
    folder = settings.data / "tls"
    certificate, authority = folder / "server.pem", folder / "ca.pem"
    if not (certificate.exists() and authority.exists()):
        click.echo("Warning: there is no certificate yet; the first start makes it.", err=True)
        return None, None
    der = ssl.PEM_cert_to_DER_cert(authority.read_text())
    return certificate, Authority(der, fingerprint(authority), str(authority))


def _card(told: ClientSettings, output: Path | None) -> None:
    _put(card(told).encode() + b"\n", output, secret=False)


def _json(told: ClientSettings, output: Path | None) -> None:
    _put(json.dumps(form(told)).encode() + b"\n", output, secret=False)


def _mobileconfig(told: ClientSettings, output: Path | None) -> None:
    _put(profile(told), output, secret=told.password is not None)
    click.echo(
        "Open it on the device, then Settings, Profile Downloaded. It isn't signed, and the device"
        " says so.",
        err=True,
    )
    if told.authority is not None:
        click.echo(
            "On iPhone and iPad switch the authority on as well: Settings, General, About,"
            " Certificate Trust Settings.",
            err=True,
        )


def _qr(told: ClientSettings, output: Path | None) -> None:
    # Slow to import, and needed only here.
    from bridge.onboarding.code import picture, text

    if output is None:
        click.echo(text(told), nl=False)
    else:
        made = picture(told, _PICTURES[output.suffix])
        _put(made, output, secret=told.password is not None)
    click.echo("Scan it with Thunderbird: Add account, Import settings, Scan QR code.", err=True)
    if told.authority is not None:
        click.echo(f"The app will ask about the certificate: SHA-256 {told.fingerprint}", err=True)


_FORMS: Mapping[str, Callable[[ClientSettings, Path | None], None]] = {
    "card": _card,
    "json": _json,
    "mobileconfig": _mobileconfig,
    "qr": _qr,
}


def _put(octets: bytes, output: Path | None, *, secret: bool) -> None:
    """Writes to standard output or a file, which only its owner may read if it has a password."""
    if output is None:
        click.echo(octets, nl=False)
        return
    try:
        mode = _SECRET_MODE if secret else 0o644
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            if secret:
                # One that was there keeps its mode otherwise.
                os.fchmod(file.fileno(), mode)
            file.write(octets)
    except OSError as error:
        raise StoreError(
            f"{output} can't be written: {error.strerror}.", "Name another file with --output."
        ) from error
    click.echo(f"wrote {output}", err=True)
