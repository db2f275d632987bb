"""Who may log in: device passwords, checked without stopping anyone else."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from bridge import crypto, saslprep
from bridge.admin.context import InThread
from bridge.model.account import Account, Device
from bridge.model.origin import origin
from bridge.session.port import Challenge, LoggedIn, Proved
from bridge.store.port import Database
from bridge.store.tx import ReadTx

T = TypeVar("T")
MAX_DELAY_S = 15.0
"""A guesser gets four tries a minute; an owner who mistypes waits this long at most."""

FIRST_DELAY_S = 0.5
"""Longer than any check takes, so that the time of an answer tells nothing about a login."""

MAX_ORIGINS = 10_000
"""Origins whose failures are remembered; the oldest is forgotten first."""

MAX_ASLEEP = 1000
"""Failures that wait to be answered: clients may hang up and leave theirs behind. With more, the
cost of a check itself is what slows a guesser."""

_REMEMBERED = 1000


class Sleeper(Protocol):
    """Waits without stopping the others."""

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""


class PasswordChecker:
    """A `bridge.session.port.Authenticator`.

    Failures are answered later the more of them an address has had; a right password is
    answered at once, so that nobody can lock an owner out.

    Args:
        database: where accounts and devices are.
        key: with which made passwords are keyed.
        sleeper: waits for the answer to a failure.
        in_thread: runs a slow check beside the reactor.
        monotonic: seconds of a clock that is never set back.
        used: told which device has logged in.
    """

    def __init__(
        self,
        database: Database,
        key: bytes,
        sleeper: Sleeper,
        in_thread: InThread,
        monotonic: Callable[[], float],
        used: Callable[[Device], None] = lambda device: None,
    ) -> None:
        self._database = database
        self._used = used
        self._key = key
        self._sleeper = sleeper
        self._in_thread = in_thread
        self._monotonic = monotonic
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._asleep = 0
        self._salt = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()

    async def check(self, login: bytes, password: bytes, peer: str) -> LoggedIn | None:
        """As `Authenticator.check`."""
        return await self._answer(self._find(login, password), peer)

    async def challenge(self, login: str) -> Challenge:
        """As `Authenticator.challenge`."""
        name = _stored(login)
        account = await self._database.read(lambda tx: tx.account(name))
        if account is None:
            return Challenge(crypto.unknown_salt(name, self._key), crypto.SCRAM_ITERATIONS)
        return Challenge(account.scram_salt, account.scram_iterations)

    async def prove(
        self, login: str, auth_message: bytes, proof: bytes, peer: str
    ) -> Proved | None:
        """As `Authenticator.prove`."""

        async def find() -> Proved | None:
            account, devices = await self._known(login)
            if account is None:
                return None
            for device in devices:
                signature = crypto.scram_signature(
                    device.stored_key, device.server_key, auth_message, proof
                )
                if signature is not None:
                    self._used(device)
                    return Proved(LoggedIn(account, device), signature)
            return None

        return await self._answer(find(), peer)

    async def _answer(self, search: Coroutine[Any, Any, T | None], peer: str) -> T | None:
        """What `search` finds, at once; None, late."""
        whose, began = origin(peer), self._monotonic()
        found = await search
        if found is not None:
            self._failures.pop(whose, None)
            return found
        failures = self._failures[whose] = self._failures.pop(whose, 0) + 1
        if len(self._failures) > MAX_ORIGINS:
            self._failures.popitem(last=False)
        delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** min(failures - 1, 10))
        # Counted from the question, or else the answer would come later by what a check costs,
        # which is nothing where there is no such login.
        await self._sleep(delay_s - (self._monotonic() - began) % delay_s)
        return None

    async def _sleep(self, seconds: float) -> None:
        if self._asleep >= MAX_ASLEEP:
            return
        self._asleep += 1
        try:
            await self._sleeper.sleep(seconds)
        finally:
            self._asleep -= 1

    async def _find(self, login: bytes, password: bytes) -> LoggedIn | None:
        try:
            name, secret = login.decode(), password.decode()
        except UnicodeDecodeError:
            return None
        account, devices = await self._known(name)
        if account is None:
            return None
        for device in devices:
            if await self._matches(device, secret):
                self._used(device)
                return LoggedIn(account, device)
        return None

    async def _known(self, login: str) -> tuple[Account | None, tuple[Device, ...]]:
        name = _stored(login)

        def read(tx: ReadTx) -> tuple[Account | None, tuple[Device, ...]]:
            account = tx.account(name)
            return account, (() if account is None else tx.devices(account.id))

        return await self._database.read(read)

    async def _matches(self, device: Device, password: str) -> bool:
        """Whether it is the device's password; a slow check that succeeded isn't made again."""
        if not device.verifier.startswith("$argon2"):
            return crypto.verify(device.verifier, password, self._key)
        text = f"{device.verifier}\0{password}".encode()
        digest = hmac.new(self._salt, text, hashlib.sha256).digest()
        if digest in self._verified:
            return True
        if not await self._in_thread(lambda: crypto.verify(device.verifier, password, self._key)):
            return False
        self._verified[digest] = None
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return True


def _stored(login: str) -> str:
    """The login as it would be stored; what SASLprep prohibits is nobody's (RFC 4616 §2)."""
    try:
        return saslprep.prepare(login).lower()
    except ValueError:
        return ""
