"""The server's side of the SASL mechanisms, written apart from the client's."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.pop_faults import Faults

Ask = Callable[[bytes], bytes]
"""Sends a challenge and returns the response, both without base64."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Who may log in, and what goes wrong."""

    user: bytes
    password: bytes
    token: bytes
    faults: Faults


class BadResponse(Exception):
    """The client cancelled, or what it sent can't be read."""


def decoded(line: bytes) -> bytes:
    """The octets in a base64 line; "=" stands for none (RFC 5034 §4)."""
    if line == b"*":
        raise BadResponse("cancelled")
    try:
        return b"" if line == b"=" else base64.b64decode(line, validate=True)
    except binascii.Error:
        raise BadResponse("no base64") from None


def plain(ask: Ask, wanted: Expected) -> bool:
    """RFC 4616."""
    parts = ask(b"").split(b"\0")
    return len(parts) == 3 and parts[1:] == [wanted.user, wanted.password]


def login(ask: Ask, wanted: Expected) -> bool:
    """draft-murchison-sasl-login."""
    return [ask(b"Username:"), ask(b"Password:")] == [wanted.user, wanted.password]


def cram_md5(ask: Ask, wanted: Expected) -> bool:
    """RFC 2195."""
    stamp = b"<1896.697170952@pop.example.org>"
    digest = hmac.new(wanted.password, stamp, "md5").hexdigest().encode()
    return ask(stamp) == wanted.user + b" " + digest


def scram(name: str) -> Callable[[Ask, Expected], bool]:
    """RFC 5802 §3 with a hash of hashlib."""

    def keyed(key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, name).digest()

    def exchange(ask: Ask, wanted: Expected) -> bool:
        first = re.fullmatch(rb"n,,(n=([^,]+),r=([^,]+))", ask(b""))
        if first is None:
            raise BadResponse("no first message")
        user = first[2].replace(b"=2C", b",").replace(b"=3D", b"=")
        nonce = wanted.faults.scram_nonce or first[3] + b"server"
        rounds = wanted.faults.scram_iterations
        challenge = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(b"salt" * 4), rounds)
        final = ask(challenge)
        bare, _, proof = final.rpartition(b",p=")
        if bare != b"c=biws,r=" + nonce:
            raise BadResponse("no final message")
        salted = hashlib.pbkdf2_hmac(name, wanted.password, b"salt" * 4, rounds)
        client_key = keyed(salted, b"Client Key")
        message = b",".join((first[1], challenge, bare))
        signature = keyed(hashlib.new(name, client_key).digest(), message)
        right = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if user != wanted.user or base64.b64decode(proof) != right:
            return False
        server = b"forged" if wanted.faults.scram_forged else keyed(salted, b"Server Key")
        return ask(b"v=" + base64.b64encode(keyed(server, message))) == b""

    return exchange


def xoauth2(ask: Ask, wanted: Expected) -> bool:
    """The form that Google and Microsoft have."""
    right = b"user=%s\x01auth=Bearer %s\x01\x01" % (wanted.user, wanted.token)
    return _token(ask, wanted, lambda response: response == right, b"")


def oauthbearer(ask: Ask, wanted: Expected) -> bool:
    """RFC 7628 §3."""
    right = re.compile(
        rb"n,a=%s,\x01host=[^\x01]+\x01port=\d+\x01auth=Bearer %s\x01\x01"
        % (re.escape(wanted.user), re.escape(wanted.token))
    )
    return _token(ask, wanted, lambda response: right.fullmatch(response) is not None, b"\x01")


def _token(ask: Ask, wanted: Expected, is_right: Callable[[bytes], bool], end: bytes) -> bool:
    if is_right(ask(b"")):
        return True
    if wanted.faults.oauth_error and ask(wanted.faults.oauth_error) != end:
        raise BadResponse("the failure was to be acknowledged")
    return False


MECHANISMS: dict[str, Callable[[Ask, Expected], bool]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "SCRAM-SHA-1": scram("sha1"),
    "SCRAM-SHA-256": scram("sha256"),
    "XOAUTH2": xoauth2,
    "OAUTHBEARER": oauthbearer,
}
CLIENT_FIRST = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}
"""Those whose first challenge is empty and which may bring a response with AUTH."""
