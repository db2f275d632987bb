"""A configuration profile for iPhone, iPad and Mac (.mobileconfig). Pure.

Keys: https://developer.apple.com/documentation/devicemanagement/mail. It isn't signed, so devices
say "Not Signed" when it is installed.
"""

import plistlib
from typing import Any
from uuid import UUID, uuid5

from bridge.errors import UsageError
from bridge.onboarding.client import (
    Authority,
    ClientSettings,
    Protection,
    Server,
    require_outgoing,
)

_OURS = UUID("8a6d4b9c-0a4e-5d0e-9d0b-6f4f2f1c7a53")
"""Namespace of the payloads' UUIDs: the same account gives the same ones, so that a profile that is
installed again takes the place of the old one."""

_PASSWORD = "EmailAuthPassword"


def profile(settings: ClientSettings) -> bytes:
    """The profile, as XML.

    Raises:
        UsageError: outgoing server or address isn't known, or there is no listener with implicit
            TLS: STARTTLS can't be told in a profile.
    """
    server = next((one for one in settings.imap if one.protection is Protection.TLS), None)
    if server is None:
        raise UsageError(
            "A profile needs a listener with implicit TLS: STARTTLS can't be told in it.",
            'Name one in popbridge.toml: [imap] listen = ["imaps://*:1993"].',
        )
    content = [_mail(settings, server)]
    if settings.authority is not None:
        content.append(_root(settings.authority))
    return plistlib.dumps(
        {
            **_payload("Configuration", settings.login, f"{settings.login} by popbridge"),
            "PayloadDescription": f"Mail of {settings.login}, fetched by popbridge.",
            "PayloadOrganization": "popbridge",
            "PayloadRemovalDisallowed": False,
            "PayloadContent": content,
        }
    )


def _payload(kind: str, of: str, shown: str) -> dict[str, Any]:
    uuid = uuid5(_OURS, f"{kind} {of}")
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"popbridge.{uuid}",
        "PayloadUUID": str(uuid).upper(),
        "PayloadDisplayName": shown,
    }


def _mail(settings: ClientSettings, server: Server) -> dict[str, Any]:
    smtp, address = require_outgoing(settings, "profile")
    password = {} if settings.password is None else {"IncomingPassword": settings.password}
    return {
        **_payload("com.apple.mail.managed", settings.login, address),
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        "EmailAccountName": settings.name,
        "EmailAccountDescription": address,
        "IncomingMailServerAuthentication": _PASSWORD,
        "IncomingMailServerHostName": server.host,
        "IncomingMailServerPortNumber": server.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": settings.login,
        **password,
        "OutgoingMailServerAuthentication": _PASSWORD,
        "OutgoingMailServerHostName": smtp.host,
        "OutgoingMailServerPortNumber": smtp.port,
        # On 587 it is STARTTLS that this asks for.
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": smtp.user,
        "OutgoingPasswordSameAsIncomingPassword": False,
        "PreventMove": False,
        "PreventAppSheet": False,
        "SMIMEEnabled": False,
    }


def _root(authority: Authority) -> dict[str, Any]:
    return {
        **_payload("com.apple.security.root", authority.fingerprint, "popbridge's own authority"),
        "PayloadCertificateFileName": "popbridge-ca.cer",
        "PayloadContent": authority.certificate,
    }
