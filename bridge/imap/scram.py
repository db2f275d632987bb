"""The messages of SASL SCRAM (RFC 5802 §5, §7), as the server reads and writes them."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from bridge.imap.grammar import SyntaxFault

MAX_NONCE_OCTETS = 1024
"""Of a client's nonce, which comes back twice: clients send 20 to 40."""

# value-safe-char without NUL, "=" and ","; whether it is UTF-8 is seen when it is decoded.
_SASLNAME = rb"(?:[^\0=,]|=2C|=3D)+"
_FIRST = re.compile(
    rb"(?P<header>(?P<flag>n|y|p=[A-Za-z0-9.-]+),(?:a=(?P<authorize>%b))?,)"
    rb"(?P<bare>n=(?P<user>%b),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^\0,]+)*)"
    % (_SASLNAME, _SASLNAME)
)
_FINAL = re.compile(
    rb"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
    rb"(?:,[A-Za-z]=[^\0,]+)*?),p=(?P<proof>[A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """client-first-message; `header` and `bare` are its octets, which the proof covers."""

    header: bytes
    bare: bytes
    user: str
    authorize: str
    nonce: bytes

    @property
    def wants_binding(self) -> bool:
        """Whether the client asks for a channel binding."""
        return self.header.startswith(b"p")


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """client-final-message; `bare` is what stands before the proof."""

    bare: bytes
    binding: bytes
    nonce: bytes
    proof: bytes = field(repr=False)


def read_first(octets: bytes) -> ClientFirst:
    """The client's first message.

    Raises:
        SyntaxFault: it is none, or demands an extension ("m=", of which there is none).
    """
    found = _FIRST.fullmatch(octets)
    if found is None or len(found["nonce"]) > MAX_NONCE_OCTETS:
        raise SyntaxFault("Expected the first message of SCRAM")
    return ClientFirst(
        header=found["header"],
        bare=found["bare"],
        user=_name(found["user"]),
        authorize=_name(found["authorize"] or b""),
        nonce=found["nonce"],
    )


def server_first(nonce: bytes, salt: bytes, iterations: int) -> bytes:
    """The server's answer to it; `nonce` is the client's with the server's behind it."""
    return b"r=%b,s=%b,i=%d" % (nonce, base64.b64encode(salt), iterations)


def read_final(octets: bytes) -> ClientFinal:
    """The client's second message.

    Raises:
        SyntaxFault: it is none.
    """
    found = _FINAL.fullmatch(octets)
    if found is None:
        raise SyntaxFault("Expected the second message of SCRAM")
    return ClientFinal(
        bare=found["bare"],
        binding=_decoded(found["binding"]),
        nonce=found["nonce"],
        proof=_decoded(found["proof"]),
    )


def auth_message(first: ClientFirst, challenge: bytes, final: ClientFinal) -> bytes:
    """What proof and signature are made over: AuthMessage (RFC 5802 §3)."""
    return b",".join((first.bare, challenge, final.bare))


def server_final(signature: bytes) -> bytes:
    """The server's last message, by which the client knows that it is the right one."""
    return b"v=" + base64.b64encode(signature)


def _name(octets: bytes) -> str:
    try:
        return octets.replace(b"=2C", b",").replace(b"=3D", b"=").decode()
    except UnicodeDecodeError as error:
        raise SyntaxFault("A name in SCRAM is UTF-8") from error


def _decoded(octets: bytes) -> bytes:
    try:
        return base64.b64decode(octets, validate=True)
    except binascii.Error as error:
        raise SyntaxFault("A value of SCRAM is not base64") from error
