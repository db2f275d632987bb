"""Each mechanism against a server that others wrote."""

import base64
import hmac
import json
from collections.abc import Iterator

import pytest

from bridge.errors import RejectedPasswordError
from bridge.model.account import Secret
from bridge.model.profile import Habits
from bridge.net.pop3 import PopConnector
from tests.e2e.dovecot import Dovecot, need_dovecot
from tests.pop_client import upstream
from tests.reactor import reactor, run

pytestmark = pytest.mark.e2e

WAYS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP", "PLAIN", "LOGIN", "USER"]
QUICK = """
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
"""A refused log-in is answered at once."""

SETTINGS = """
auth_mechanisms = plain login cram-md5 apop scram-sha-1 scram-sha-256
"""
TOKENS = """
auth_mechanisms = xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
"""
KEY = b"a key that both sides of this test have"


class Offering(Dovecot):
    """With further settings."""

    def __init__(self, settings: str) -> None:
        self._more = settings
        super().__init__()

    def _config(self) -> str:
        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(base64.b64encode(KEY))
        (self.folder / "oauth2.conf").write_text(OAUTH2.format(folder=self.folder))
        return super()._config() + (QUICK + self._more).format(folder=self.folder)


def token(user: str) -> str:
    """A JWT (RFC 7519) that never ends."""

    def part(octets: bytes) -> bytes:
        return base64.urlsafe_b64encode(octets).rstrip(b"=")

    told = {"sub": user, "iat": 1_700_000_000, "exp": 9_999_999_999}
    text = b".".join(
        part(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, told)
    )
    return (text + b"." + part(hmac.digest(KEY, text, "sha256"))).decode()


def dovecot(settings: str) -> Iterator[Dovecot]:
    need_dovecot()
    server = Offering(settings)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def passwords() -> Iterator[Dovecot]:
    yield from dovecot(SETTINGS)


@pytest.fixture(scope="module")
def tokens() -> Iterator[Dovecot]:
    yield from dovecot(TOKENS)


def log_in(port: int, secret: Secret, habits: Habits = Habits()) -> str | None:
    """The way in."""

    async def session() -> str | None:
        opened = await PopConnector(reactor).connect(upstream(port), secret, 20, habits)
        await opened.listing()
        await opened.quit()
        return opened.habits.mechanism

    return run(session, timeout=60)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_in(way: str, passwords: Dovecot) -> None:
    assert log_in(passwords.port, Secret("secret"), Habits(mechanism=way)) == way


def test_the_best_way_is_found(passwords: Dovecot) -> None:
    assert log_in(passwords.port, Secret("secret")) == "SCRAM-SHA-256"


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password(way: str, passwords: Dovecot) -> None:
    with pytest.raises(RejectedPasswordError):
        log_in(passwords.port, Secret("hunter2"), Habits(mechanism=way))


@pytest.mark.parametrize("way", ["XOAUTH2", "OAUTHBEARER"])
def test_tokens(way: str, tokens: Dovecot) -> None:
    habits = Habits(mechanism=way)
    assert log_in(tokens.port, Secret(token("alice"), is_token=True), habits) == way
    for wrong in (token("mallory"), token("alice")[:-8] + "x" * 8, "opaque"):
        with pytest.raises(RejectedPasswordError, match="access token") as refused:
            log_in(tokens.port, Secret(wrong, is_token=True), habits)
        assert wrong not in str(refused.value)
