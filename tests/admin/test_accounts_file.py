"""The file of `account apply`: what it can say, and what an error names."""

from pathlib import Path
from typing import Any

import pytest

from bridge.admin.accounts_file import read_accounts
from bridge.errors import AccountsFileError

FOLDER = Path("/etc/popbridge")
URL = 'pop3 = "pop3s://alice@pop.example"'


def read(body: str) -> dict[str, Any]:
    (spec,) = read_accounts(f'[accounts."alice"]\n{URL}\n{body}', FOLDER)
    assert spec.pop("login") == "alice"
    assert spec.pop("pop3") == "pop3s://alice@pop.example"
    return spec


@pytest.mark.parametrize(
    ("body", "spec"),
    [
        ("", {}),
        ('interval = "2m"', {"interval_s": 120}),
        ('quota = "5GB"', {"quota_octets": 5_000_000_000}),
        ('policy = "delete-after=24h"', {"policy": "delete-after=1d"}),
        ('withhold = ["MOVE"]', {"withheld": ["MOVE"]}),
        ("paused = true\nallow_cleartext = true", {"paused": True, "allow_cleartext": True}),
        (
            'pop3_password_file = "pop/alice"',
            {"secret_source": {"kind": "file", "value": "/etc/popbridge/pop/alice"}},
        ),
        ('pop3_password_env = "POP"', {"secret_source": {"kind": "env", "value": "POP"}}),
        (
            'pop3_password_command = "pass a | head -1"',
            {"secret_source": {"kind": "command", "value": "pass a | head -1"}},
        ),
        (
            'oauth_token_command = "oama access a"',
            {"secret_source": {"kind": "token-command", "value": "oama access a"}},
        ),
        ('password_file = "/p"', {"password_from": {"kind": "file", "value": "/p"}}),
        ('password_env = "P"', {"password_from": {"kind": "env", "value": "P"}}),
        (
            'tls.minimum = "1.3"\ntls.ca = "../ca.pem"\n'
            'tls.pins = ["x"]\ntls.legacy_ciphers = true',
            {
                "tls": {
                    "minimum": "1.3",
                    "ca": "/etc/ca.pem",
                    "pins": ["x"],
                    "legacy_ciphers": True,
                }
            },
        ),
    ],
)
def test_each_key(body: str, spec: dict[str, Any]) -> None:
    assert read(body) == spec


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('intervall = "5m"', "no key 'intervall'. The nearest is interval."),
        ('pop3_password = "secret"', "no key 'pop3_password'. The nearest is pop3_password_"),
        ('tls.minimun = "1.2"', "no key 'minimun'. The nearest is minimum."),
        ('interval = "0s"', 'accounts."alice".interval: An interval of 0'),
        ("interval = 5", "interval: 5 is not a text"),
        ('quota = "much"', "'much' is not a size"),
        ('policy = "burn"', "is not a policy"),
        ('paused = "no"', "'no' is neither true nor false"),
        ('withhold = "MOVE"', "'MOVE' is not a list"),
        ("tls = true", "True is not a table"),
        ("[accounts.bob]", 'accounts."bob": It has no pop3.'),
        (
            'pop3_password_env = "A"\noauth_token_command = "x"',
            "both pop3_password_env and oauth_token_command",
        ),
        ('password_env = "A"\npassword_file = "x"', "both password_file and password_env"),
        ("[sync]", "no key 'sync'. The nearest is accounts."),
        ("x = ", "is no TOML"),
    ],
)
def test_what_cannot_be(body: str, says: str) -> None:
    with pytest.raises(AccountsFileError) as raised:
        read(body)
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


def test_no_account_is_no_error() -> None:
    assert read_accounts("", FOLDER) == []
    with pytest.raises(AccountsFileError, match="not a table"):
        read_accounts("accounts = 3", FOLDER)
    with pytest.raises(AccountsFileError, match="not a table"):
        read_accounts("accounts.alice = 3", FOLDER)
