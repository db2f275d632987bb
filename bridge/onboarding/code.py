"""A QR code that Thunderbird on a phone reads: its "Export for Mobile" format, version 1. Pure.

github.com/thunderbird/thunderbird-android, feature/migration/qrcode/qr-code-format.md
"""

import io
import json

import segno

from bridge.errors import UsageError
from bridge.onboarding.client import ClientSettings, Protection, require_outgoing

_IMAP, _SMTP, _PASSWORD = 0, 0, 1
PIXELS = 8
"""A module's side in a picture: a phone's camera is content with less."""

_SECURITY = {Protection.STARTTLS: 2, Protection.TLS: 3}


def payload(settings: ClientSettings) -> str:
    """What the code says, as JSON.

    Raises:
        UsageError: outgoing server or address isn't known, or isn't ASCII, as readers want it.
    """
    smtp, address = require_outgoing(settings, "QR code")
    imap = settings.best()
    if not (address.isascii() and imap.host.isascii()):
        raise UsageError(
            f"A QR code takes only ASCII in host and address: {imap.host}, {address}.",
            "Name others with --host and --address.",
        )
    incoming = [_IMAP, imap.host, imap.port, _SECURITY[imap.protection], _PASSWORD, settings.login]
    if settings.password is not None:
        # The account's name is empty: it is the address.
        incoming += ["", settings.password]
    security = _SECURITY[Protection.TLS if smtp.implicit_tls else Protection.STARTTLS]
    outgoing = [_SMTP, smtp.host, smtp.port, security, _PASSWORD, smtp.user]
    whole = [1, [1, 1], incoming, [[outgoing, [address, settings.name or address]]]]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def text(settings: ClientSettings) -> str:
    """The code in lines of half blocks, for a terminal.

    Raises:
        UsageError: as `payload`.
    """
    out = io.StringIO()
    _code(settings).terminal(out, compact=True)
    return out.getvalue()


def picture(settings: ClientSettings, kind: str) -> bytes:
    """The code as "svg" or "png".

    Raises:
        UsageError: as `payload`.
    """
    out = io.BytesIO()
    _code(settings).save(out, kind=kind, scale=PIXELS)
    return out.getvalue()


def _code(settings: ClientSettings) -> segno.QRCode:
    return segno.make(payload(settings), error="m", micro=False, encoding="utf-8")
