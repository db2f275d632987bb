"""`account apply` over a real store: what becomes of accounts, and that once is enough."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge import crypto
from bridge.admin.accounts_file import read_accounts
from bridge.admin.apply import apply_accounts
from bridge.admin.changes import AccountChanges, set_account
from bridge.errors import AccountsFileError, StoreFullError
from bridge.model.account import SecretKind, SecretSource
from bridge.store.engine import open_store
from tests.admin.owner import Owner

FULL = """
[accounts.Alice]
pop3 = "pop3s://alice@pop.example"
pop3_password_file = "pop/alice"
policy = "delete-after=30d"
interval = "5m"
quota = "5GB"
withhold = ["MOVE"]
tls.minimum = "1.3"

[accounts."bob@home"]
pop3 = "pop3://bob@pop.example:1110"
oauth_token_command = "oama access bob"
"""


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield Owner(store)
    store.close()


def apply(admin: Any, text: str, **more: Any) -> list[dict[str, Any]]:
    """What changes; `passwords` are the IMAP passwords by login."""
    passwords = more.pop("passwords", {})
    options = {"prune": False, "dry_run": False, **more}
    specs = read_accounts(text, Path("/etc/popbridge"))
    for spec in specs:
        spec.update({"password": passwords[spec["login"]]} if spec["login"] in passwords else {})
    told: Any = asyncio.run(apply_accounts(admin, specs, **options))
    changes: list[dict[str, Any]] = told["changes"]
    return changes


def logins(admin: Any) -> list[str]:
    return [account.login for account in admin.store.read(lambda tx: tx.accounts())]


def test_accounts_are_made_and_then_there_is_nothing_to_change(admin: Any) -> None:
    alice, bob = apply(admin, FULL)
    assert (alice["login"], alice["change"], alice["deletes"]) == ("alice", "add", True)
    assert alice["texts"] == [
        "pop3 pop3s://alice@pop.example",
        "password file /etc/popbridge/pop/alice",
        "tls minimum 1.3",
        "policy delete-after=30d",
        "interval 5m",
        "quota 5GB",
        "withheld MOVE",
    ]
    assert (bob["login"], bob["deletes"]) == ("bob@home", False)
    stored = admin.account("bob@home")
    assert stored.secret_source == SecretSource(SecretKind.TOKEN_COMMAND, "oama access bob")
    (device,) = admin.store.read(lambda tx: tx.devices(stored.id))
    assert crypto.verify(device.verifier, bob["password"], admin.key)
    assert admin.changed == 1
    assert admin.tried == []
    assert apply(admin, FULL) == []
    assert apply(admin, FULL, prune=True) == []
    assert admin.changed == 1


def test_what_the_file_says_is_made_so_and_what_it_does_not_is_the_default(admin: Any) -> None:
    apply(admin, FULL)
    before = admin.account()
    changed = FULL.replace('interval = "5m"', "").replace("1.3", "1.2").replace("5GB", "6GB")
    (alice,) = apply(admin, changed.replace("pop.example", "new.example", 1))
    assert alice["change"] == "change"
    assert alice["texts"] == [
        "pop3 pop3s://alice@pop.example -> pop3s://alice@new.example",
        "tls minimum 1.3 -> as usual",
        "interval 5m -> as configured",
        "quota 5GB -> 6GB",
    ]
    after = admin.account()
    assert (after.id, after.scram_salt, after.interval_s) == (before.id, before.scram_salt, None)


def test_a_password_typed_and_a_pause_stay_unless_they_are_named(admin: Any) -> None:
    apply(admin, FULL)
    changes = AccountChanges(paused=True, pop3_password="typed", check=False)
    asyncio.run(set_account(admin, "alice", changes))
    bare = FULL.replace('pop3_password_file = "pop/alice"', "")
    assert apply(admin, bare) == []
    assert admin.account().paused
    (alice,) = apply(admin, bare.replace("policy", "paused = false\npolicy"))
    assert alice["texts"] == ["paused yes -> no"]
    (alice,) = apply(admin, FULL)
    assert alice["texts"] == ["password sealed -> file /etc/popbridge/pop/alice"]


def test_an_imap_password_is_replaced_only_if_it_is_another(admin: Any) -> None:
    (alice, _) = apply(admin, FULL, passwords={"Alice": "one"})
    assert alice["password"] is None
    assert apply(admin, FULL, passwords={"Alice": "one"}) == []
    (alice,) = apply(admin, FULL, passwords={"Alice": "two"})
    assert alice["texts"] == ["another IMAP password"]
    (device,) = admin.store.read(lambda tx: tx.devices(admin.account().id))
    assert crypto.verify(device.verifier, "two", admin.key)
    assert apply(admin, FULL) == []


def test_only_what_isnt_named_is_pruned(admin: Any) -> None:
    apply(admin, FULL)
    alone = FULL[: FULL.index('[accounts."bob')]
    assert apply(admin, alone) == []
    (bob,) = apply(admin, alone, prune=True, dry_run=True)
    assert (bob["login"], bob["change"]) == ("bob@home", "remove")
    assert logins(admin) == ["alice", "bob@home"]
    apply(admin, alone, prune=True)
    assert (logins(admin), admin.forgotten) == (["alice"], ["bob@home"])


def test_a_dry_run_changes_nothing(admin: Any) -> None:
    told = apply(admin, FULL, dry_run=True)
    assert [one["change"] for one in told] == ["add", "add"]
    assert [one["password"] for one in told] == [None, None]
    assert (logins(admin), admin.changed) == ([], 0)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ('[accounts.ALICE]\npop3 = "pop3s://a@b"\npop3_password_env = "A"', "this login twice"),
        ('[accounts.carol]\npop3 = "pop3s://a@b"', 'accounts."carol": The account needs one'),
        ('[accounts.carol]\npop3 = "imap://a@b"\npop3_password_env = "A"', "not the URL"),
        ('[accounts."c d"]\npop3 = "pop3s://a@b"\npop3_password_env = "A"', "can't be a login"),
        ('[accounts.carol]\npop3 = "pop3s://a@b"\npop3_password_env = "1"', "can't be where"),
        (
            '[accounts.carol]\npop3 = "pop3s://a@b"\npop3_password_env = "A"\ntls.pins = ["x"]',
            "no SHA-256",
        ),
        ('[accounts.carol]\npop3 = "pop3+plain://a@b.example"\npop3_password_env = "A"', "anyone"),
    ],
)
def test_one_that_cannot_be_keeps_all_from_being_changed(admin: Any, extra: str, says: str) -> None:
    with pytest.raises(AccountsFileError) as raised:
        apply(admin, FULL + extra)
    assert says in str(raised.value)
    assert (logins(admin), admin.changed) == ([], 0)


def test_what_fails_in_the_middle_is_told_and_goes_on_the_next_time(admin: Any) -> None:
    write, full = admin.database.write, StoreFullError("Full.")

    async def failing(work: Any, **more: Any) -> Any:
        if logins(admin):
            raise full
        return await write(work, **more)

    admin.database.write = failing
    with pytest.raises(StoreFullError):
        apply(admin, FULL)
    assert (logins(admin), admin.changed) == (["alice"], 1)
    admin.database.write = write
    (bob,) = apply(admin, FULL)
    assert bob["login"] == "bob@home"
