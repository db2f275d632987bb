"""Adding, listing and removing accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bridge import crypto
from bridge.admin.checks import can_be_login, check_login, check_withheld
from bridge.admin.context import Admin
from bridge.admin.probing import found_warnings, found_words, probe, provider_warnings
from bridge.admin.tls import tls_warnings
from bridge.admin.upstreams import changed_upstream, read_source, wanted_secret, with_secret
from bridge.errors import LoginExistsError, UnknownLoginError, UsageError
from bridge.model.account import Account, Device
from bridge.model.ids import AccountId
from bridge.store.tx import ReadTx, WriteTx
from bridge.url import parse_policy, parse_smtp_url, pop3_url

FIRST_DEVICE = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What `account add` asks for; `password` None has one made.

    Either `pop3_password` or `secret_source` is given, the latter as `upstreams.source_form` has
    it. `tls` is what differs from the default, as `tls.tls_form` has it. `smtp` is the URL of the
    server that its mail apps send by.
    """

    login: str
    pop3: str
    pop3_password: str | None = None
    secret_source: Mapping[str, object] | None = None
    tls: Mapping[str, object] = field(default_factory=dict)
    password: str | None = None
    policy: str = "keep"
    interval_s: int | None = None
    quota_octets: int | None = None
    withheld: Sequence[str] = ()
    paused: bool = False
    smtp: str | None = None
    allow_cleartext: bool = False
    check: bool = True


async def add_account(admin: Admin, new: NewAccount) -> dict[str, object]:
    """Adds an account, after logging in upstream once.

    Returns:
        `login` as stored; `password`, None unless it was made; `found`, a sentence on what the
        log-in found, None without one; and `warnings`, sentences.

    Raises:
        UsageError: something of it can't be.
        LoginExistsError: the login is taken.
        SecretError, TokenError: its source has no secret.
        UpstreamError: the provider can't be reached or refuses the password.
    """
    account = new_account(admin, new)
    if await admin.database.read(lambda tx: tx.account(account.login)) is not None:
        raise _exists(account.login)
    found = None
    if new.check:
        source = account.secret_source
        secret = await wanted_secret(admin, account.login, new.pop3_password, source)
        found = await probe(admin, account.upstream, secret)
    made = None if new.password else crypto.make_device_password()
    device = await make_device(admin, account, made or new.password or "", made=made is not None)

    def write(tx: WriteTx) -> None:
        if tx.account(account.login) is not None:
            raise _exists(account.login)
        added = tx.add_account(account)
        tx.add_device(device(account_id=added.id))
        if found is not None:
            tx.save_profile(found.profile(added.id))

    await admin.database.write(write)
    await admin.syncs.accounts_changed()
    return {
        "login": account.login,
        "password": made,
        "found": None if found is None else found_words(found, account.upstream),
        "warnings": account_warnings(account) + ([] if found is None else found_warnings(found)),
    }


def new_account(admin: Admin, new: NewAccount) -> Account:
    """The account as it is stored, but for its id.

    Raises:
        UsageError: something of it can't be.
    """
    source = None if new.secret_source is None else read_source(new.secret_source)
    if (new.pop3_password is None) == (source is None):
        raise UsageError("The account needs one POP3 password.", "Say where to take it from.")
    account = Account(
        id=AccountId(0),
        login=check_login(new.login),
        upstream=changed_upstream(None, new.pop3, new.tls, allow_cleartext=new.allow_cleartext),
        sealed_password=b"",
        policy=parse_policy(new.policy),
        interval_s=new.interval_s,
        paused=new.paused,
        quota_octets=new.quota_octets,
        withheld=check_withheld(new.withheld),
        scram_salt=crypto.new_salt(),
        scram_iterations=crypto.SCRAM_ITERATIONS,
        submission=None if new.smtp is None else parse_smtp_url(new.smtp),
    )
    return with_secret(admin, account, new.pop3_password, source)


def account_warnings(account: Account) -> list[str]:
    """What of an account its owner should know, a sentence each."""
    upstream = account.upstream
    return tls_warnings(upstream) + provider_warnings(upstream, account.interval_s, account.policy)


async def make_device(
    admin: Admin, account: Account, password: str, *, made: bool
) -> "partial[Device]":
    """The first device, but for the id that its account will have."""
    verifier = await admin.in_thread(
        lambda: crypto.verifier_for(password, made=made, key=admin.key)
    )
    stored, server = crypto.scram_keys(password, account.scram_salt, account.scram_iterations)
    return partial(
        Device,
        name=FIRST_DEVICE,
        verifier=verifier,
        stored_key=stored,
        server_key=server,
        made=admin.clock(),
    )


async def list_accounts(admin: Admin) -> list[dict[str, object]]:
    """Every account, by login, without secrets."""
    accounts = await admin.database.read(lambda tx: tx.accounts())
    return [list_form(account) for account in accounts]


def list_form(account: Account) -> dict[str, object]:
    """What is told of an account in a list of them."""
    return {
        "login": account.login,
        "pop3": pop3_url(account.upstream),
        "policy": account.policy,
        "interval": account.interval_s,
        "paused": account.paused,
    }


async def describe_account(admin: Admin, login: str) -> dict[str, object]:
    """What removing the account would destroy.

    Raises:
        UnknownLoginError: there is none.
    """
    account = await find_account(admin, login)

    def count(tx: ReadTx) -> dict[str, object]:
        return {
            "login": account.login,
            "messages": tx.message_count(account.id),
            "mailboxes": len(tx.mailboxes(account.id)),
        }

    return await admin.database.read(count)


async def remove_account(admin: Admin, login: str) -> dict[str, object]:
    """Removes an account with all its mail here; upstream nothing changes.

    Raises:
        UnknownLoginError: there is none.
    """
    account = await find_account(admin, login)
    await admin.database.write(lambda tx: tx.remove_account(account.id))
    await admin.devices.changed(account)
    await admin.syncs.accounts_changed()
    await admin.in_thread(lambda: admin.forget(account))
    return {"login": account.login}


async def find_account(admin: Admin, login: str) -> Account:
    """The account with that login.

    Raises:
        UnknownLoginError: there is none.
    """
    account = None
    if can_be_login(login):
        account = await admin.database.read(lambda tx: tx.account(login))
    if account is None:
        raise UnknownLoginError(
            f"There is no account {login!r}.", "`popbridge account list` shows those there are."
        )
    return account


def _exists(login: str) -> LoginExistsError:
    return LoginExistsError(
        f"There is an account {login} already.",
        "Choose another login, or remove that account first.",
    )
