"""SCRAM-SHA-256 from the first octet to the last, with the real checker of passwords."""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge import crypto
from bridge.admin.authentication import PasswordChecker
from bridge.model.account import Device
from bridge.store.port import InlineDatabase
from tests.imap_harness import Client, Server, account

T = TypeVar("T")
KEY = b"k" * 32
WRONG = b"t NO [AUTHENTICATIONFAILED] Login or password is wrong"


class Sleeper:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def at_once(work: Callable[[], T]) -> T:
    return work()


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def server(tmp_path: Path, sleeper: Sleeper) -> Iterator[Server]:
    made = Server(tmp_path)
    add(made, "zoé=,", {"phone": "pencil", "laptop": "pëncil"})
    made.services.authenticator = PasswordChecker(
        InlineDatabase(made.store), KEY, sleeper, at_once, lambda: 0.0
    )
    yield made
    made.close()


def add(server: Server, login: str, passwords: dict[str, str]) -> None:
    salt = crypto.new_salt()

    def work(tx: Any) -> None:
        added = tx.add_account(replace(account(login), scram_salt=salt))
        for name, password in passwords.items():
            stored, served = crypto.scram_keys(password, salt, 4096)
            verifier = crypto.verifier_for(password, made=False, key=KEY)
            tx.add_device(
                Device(
                    account_id=added.id,
                    name=name,
                    verifier=verifier,
                    stored_key=stored,
                    server_key=served,
                )
            )

    server.store.write(work)


class Exchange:
    """A client of SCRAM, written from RFC 5802 §3 alone."""

    def __init__(self, client: Client, user: str, password: str, header: str = "n,,") -> None:
        self.client, self.password, self.header = client, password, header
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r=abc"

    def begin(self, *, initial: bool = False) -> str:
        first = b64(self.header + self.bare)
        if initial:
            self.client.send(f"t AUTHENTICATE SCRAM-SHA-256 {first}\r\n".encode())
        else:
            self.client.send(b"t AUTHENTICATE scram-sha-256\r\n")
            assert self.client.take() == b"+ \r\n"
            self.client.send(first.encode() + b"\r\n")
        self.challenge = challenge(self.client.take())
        found = re.fullmatch(r"r=(abc.{10,}),s=([A-Za-z0-9+/=]+),i=(\d+)", self.challenge)
        assert found is not None
        self.nonce, self.salt, self.count = found[1], base64.b64decode(found[2]), int(found[3])
        return self.challenge

    def answer(self, nonce: str | None = None, binding: str | None = None) -> bytes:
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), self.salt, self.count)
        key = hmac.digest(salted, b"Client Key", "sha256")
        bare = f"c={b64(self.header if binding is None else binding)},r={nonce or self.nonce}"
        message = f"{self.bare},{self.challenge},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        served = hmac.digest(salted, b"Server Key", "sha256")
        self.expected = "v=" + b64(hmac.digest(served, message, "sha256"))
        self.client.send(b64(f"{bare},p={b64(proof)}").encode() + b"\r\n")
        return self.client.take()


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def challenge(answer: bytes) -> str:
    assert answer.startswith(b"+ ")
    assert answer.endswith(b"\r\n")
    return base64.b64decode(answer[2:-2], validate=True).decode()


@pytest.mark.parametrize("initial", [False, True])
@pytest.mark.parametrize("password", ["pencil", "pëncil"])
@pytest.mark.parametrize("header", ["n,,", "y,,", "n,a=ZOé=3D=2C,"])
def test_a_password_of_any_device_opens(
    server: Server, initial: bool, password: str, header: str
) -> None:
    client = server.connect()
    exchange = Exchange(client, "Zoé=,", password, header)
    exchange.begin(initial=initial)
    assert challenge(exchange.answer()) == exchange.expected
    # Not before the client has seen that it talks to the right server.
    assert server.observer.logins == []
    client.send(b"\r\n")
    assert client.take().startswith(b"t OK [CAPABILITY IMAP4rev1 ")
    assert server.observer.logins == [True]
    assert client.do("SELECT INBOX")[-1].startswith(b"t OK")
    assert client.session._context.user.login == "zoé=,"


def test_a_wrong_password_is_answered_late(server: Server, sleeper: Sleeper) -> None:
    for count in range(1, 4):
        client = server.connect()
        exchange = Exchange(client, "zoé=,", "pencil!")
        exchange.begin()
        assert exchange.answer() == WRONG + b"\r\n"
        assert sleeper.slept[-1] == 0.5 * 2 ** (count - 1)
    assert len(sleeper.slept) == 3
    # And with a password in the clear it is the same guesser.
    asyncio.run(server.services.authenticator.check(b"x", b"y", "192.0.2.1"))
    assert sleeper.slept[-1] == 4.0


def test_a_login_that_is_not_there_looks_as_if_it_were(server: Server, sleeper: Sleeper) -> None:
    salts = []
    for name in ("nobody", "nobody", "Nobody", "someone"):
        exchange = Exchange(server.connect(), name, "pencil")
        exchange.begin()
        assert exchange.count == 4096
        assert len(exchange.salt) == crypto.SALT_OCTETS
        salts.append(exchange.salt)
        assert exchange.answer() == WRONG + b"\r\n"
    assert salts[0] == salts[1] == salts[2] != salts[3]
    assert sleeper.slept == [0.5, 1, 2, 4]
    # Another store tells another salt, so that it can't be worked out.
    assert crypto.unknown_salt("nobody", b"j" * 32) != salts[0]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"nonce": "abcd"}, b"t NO [AUTHENTICATIONFAILED]"),
        ({"nonce": "abc"}, b"t NO [AUTHENTICATIONFAILED]"),
        ({"binding": "y,,"}, b"t NO [AUTHENTICATIONFAILED]"),
        ({"binding": "n,,more"}, b"t NO [AUTHENTICATIONFAILED]"),
    ],
)
def test_answers_to_another_exchange(server: Server, changed: Any, text: bytes) -> None:
    client = server.connect()
    exchange = Exchange(client, "zoé=,", "pencil")
    exchange.begin()
    assert exchange.answer(**changed).startswith(text)
    assert client.do("SELECT INBOX")[-1].startswith(b"t BAD")


def test_no_nonce_comes_twice(server: Server) -> None:
    nonces = set()
    for _ in range(5):
        exchange = Exchange(server.connect(), "zoé=,", "pencil")
        exchange.begin()
        nonces.add(exchange.nonce)
    assert len(nonces) == 5


@pytest.mark.parametrize(
    ("first", "answer"),
    [
        ("p=tls-unique,,n=zoe,r=abc", b"t NO [AUTHENTICATIONFAILED] Channel binding"),
        ("n,a=alice,n=zoe,r=abc", b"t NO [AUTHORIZATIONFAILED]"),
        ("n,,m=x,n=zoe,r=abc", b"t BAD"),
        ("", b"t BAD"),
    ],
)
def test_first_messages_that_end_it(server: Server, first: str, answer: bytes) -> None:
    client = server.connect()
    client.send(f"t AUTHENTICATE SCRAM-SHA-256 {b64(first) or '='}\r\n".encode())
    assert client.take().startswith(answer)


@pytest.mark.parametrize("octets", [b"*", b"!", b"eA=="])
def test_a_client_that_gives_up_at_the_end_is_not_in(server: Server, octets: bytes) -> None:
    client = server.connect()
    exchange = Exchange(client, "zoé=,", "pencil")
    exchange.begin()
    assert exchange.answer().startswith(b"+ ")
    client.send(octets + b"\r\n")
    assert client.take().startswith(b"t BAD")
    assert client.do("SELECT INBOX")[-1].startswith(b"t BAD")


def test_where_passwords_are_not_taken_scram_is_not_either(server: Server) -> None:
    client = server.connect(secure=False, loopback=False)
    assert b"AUTH=" not in b"".join(client.do("CAPABILITY"))
    assert client.do("AUTHENTICATE SCRAM-SHA-256")[-1].startswith(b"t NO [PRIVACYREQUIRED]")
    assert b" AUTH=SCRAM-SHA-256 AUTH=PLAIN" in b"".join(server.connect().do("CAPABILITY"))


def test_too_many_connections_are_told_after_the_proof(server: Server) -> None:
    limit = server.services.limits.connections_per_account
    found = server.store.read(lambda tx: tx.account("zoé=,"))
    assert found is not None
    server.services.connections[found.id] = limit
    client = server.connect()
    exchange = Exchange(client, "zoé=,", "pencil")
    exchange.begin()
    assert challenge(exchange.answer()) == exchange.expected
    client.send(b"\r\n")
    assert client.take().startswith(b"t NO [LIMIT]")
