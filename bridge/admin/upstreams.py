"""What is asked of an account's upstream, made into what is stored: URL, TLS and secret."""

from collections.abc import Mapping
from dataclasses import replace

from bridge.admin.checks import check_upstream
from bridge.admin.context import Admin, seal_context
from bridge.admin.secrets import check_source
from bridge.admin.tls import with_tls
from bridge.errors import UsageError
from bridge.model.account import Account, Secret, SecretKind, SecretSource, Upstream


def source_form(source: SecretSource) -> dict[str, str]:
    """As JSON shows it, and as `read_source` reads it."""
    return {"kind": source.kind.value, "value": source.value}


def read_source(form: Mapping[str, object]) -> SecretSource:
    """The source that JSON names.

    Raises:
        UsageError: it can't be one.
    """
    try:
        source = SecretSource(SecretKind(form["kind"]), str(form["value"]))
    except (ValueError, LookupError):
        raise UsageError(
            "There is no such place for a password.", "Name a file, a variable or a command."
        ) from None
    return check_source(source)


def changed_upstream(
    old: Upstream | None,
    pop3: str | None,
    tls: Mapping[str, object],
    *,
    allow_cleartext: bool,
) -> Upstream:
    """The upstream, its URL and TLS options as they are unless named.

    Args:
        old: None for a new account, which names its URL.
        pop3: the URL.
        tls: as `bridge.admin.tls.with_tls` has it.
        allow_cleartext: whether pop3+plain may leave this machine.

    Raises:
        UsageError: it can't be, or the password would cross a network in the clear.
    """
    kept = None if old is None else old.tls
    upstream = old if pop3 is None else check_upstream(pop3, allow_cleartext=allow_cleartext)
    if upstream is None:
        raise UsageError("The account names no POP3 mailbox.", "Name one with --pop3 URL.")
    return with_tls(upstream if kept is None else replace(upstream, tls=kept), tls)


async def wanted_secret(
    admin: Admin, login: str, password: str | None, source: SecretSource
) -> Secret:
    """What logs in: the password that was given, or what its source has now.

    Raises:
        SecretError, TokenError: the source has none.
    """
    if password is not None:
        return Secret(password)
    return await admin.secrets.fetch(source, login)


def with_secret(
    admin: Admin, account: Account, password: str | None, source: SecretSource | None
) -> Account:
    """The account with another secret; the one it had is forgotten. None: as it is."""
    if password is not None:
        sealed = admin.sealer.seal(password.encode(), seal_context(account.login))
        return replace(account, sealed_password=sealed, secret_source=SecretSource())
    if source is not None:
        return replace(account, sealed_password=b"", secret_source=source)
    return account
