"""The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding."""

import hashlib
import hmac
import re
from collections.abc import Callable

from bridge.pop3.challenge import Credentials, Exchange, decoded, encoded, fault
from bridge.saslprep import prepare

MIN_ITERATIONS = 4096
"""RFC 7677 §4. With fewer, whoever reads along or plays the server tries passwords too fast."""

MAX_ITERATIONS = 2_000_000
"""About a second of work; more is a server that wants to keep this machine busy."""

_HEADER = b"n,,"
_BINDING = b"c=biws"  # base64 of the header
_FIRST = re.compile(
    rb"r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+),s=(?P<salt>[A-Za-z0-9+/=]+),i=(?P<rounds>[1-9][0-9]{0,9})"
    rb"(?:,[A-Za-z]=[^\0]*)?"
)
_FINAL = re.compile(rb"(?P<kind>[ve])=(?P<value>[^\0,]+)(?:,[A-Za-z]=[^\0]*)?")


def scram(name: str) -> Callable[[Credentials, bytes], Exchange]:
    """The exchange with a hash of hashlib: its first message, its proof, then nothing.

    It raises ProtocolError where the server doesn't prove that it knows the password.
    """

    def exchange(credentials: Credentials, _: bytes) -> Exchange:
        user, password = _prepared(credentials)
        bare = b"n=%s,r=%s" % (saslname(user), credentials.nonce)
        first = decoded(_wanted((yield _HEADER + bare)))
        salt, rounds, nonce = _read_first(first, credentials.nonce)
        final = b"%s,r=%s" % (_BINDING, nonce)
        message = b",".join((bare, first, final))
        salted = hashlib.pbkdf2_hmac(name, password, salt, rounds)
        client_key = hmac.digest(salted, b"Client Key", name)
        signature = hmac.digest(hashlib.new(name, client_key).digest(), message, name)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        last = decoded(_wanted((yield final + b",p=" + encoded(proof))))
        server_key = hmac.digest(salted, b"Server Key", name)
        if not _proves(last, hmac.digest(server_key, message, name)):
            # Only a refusal may follow, so to be told of success now is a fault.
            _wanted((yield b""))
            raise fault("went on with SCRAM after an error of its own")
        yield b""

    return exchange


def _wanted(challenge: bytes | None) -> bytes:
    if challenge is None:
        raise fault("accepted the log-in without proving that it knows the password")
    return challenge


def _prepared(credentials: Credentials) -> tuple[bytes, bytes]:
    """User name and password as RFC 5802 §5.1 and §2.2 want them."""
    try:
        user = prepare(credentials.user.decode())
        password = prepare(credentials.secret.decode())
    except ValueError:
        user = password = ""
    if not user or not password:
        raise fault("would have to be shown a name or password that SCRAM can't carry")
    return user.encode(), password.encode()


def saslname(user: bytes) -> bytes:
    """A name with "," and "=" as RFC 5802 §7 spells them."""
    return user.replace(b"=", b"=3D").replace(b",", b"=2C")


def _read_first(first: bytes, nonce: bytes) -> tuple[bytes, int, bytes]:
    """(salt, iterations, nonce) of the server's first message."""
    found = _FIRST.fullmatch(first)
    if found is None:
        raise fault("sent a first SCRAM message that can't be read")
    if not found["nonce"].startswith(nonce) or found["nonce"] == nonce:
        raise fault("sent a SCRAM nonce that isn't made from ours")
    rounds = int(found["rounds"])
    if not MIN_ITERATIONS <= rounds <= MAX_ITERATIONS:
        raise fault(f"wants {rounds} iterations of SCRAM, which is too few or too many")
    return decoded(found["salt"]), rounds, found["nonce"]


def _proves(last: bytes, signature: bytes) -> bool:
    """Whether the server's last message is its proof; False where it is an error.

    Raises:
        ProtocolError: it is neither, or the proof is wrong.
    """
    found = _FINAL.fullmatch(last)
    if found is None:
        raise fault("sent a last SCRAM message that can't be read")
    if found["kind"] == b"e":
        return False
    if not hmac.compare_digest(decoded(found["value"]), signature):
        raise fault("doesn't know the password: its SCRAM signature is wrong")
    return True
