"""SCRAM's messages; the exchange is RFC 7677 §3's."""

import base64

import pytest

from bridge import crypto
from bridge.imap import scram
from bridge.imap.grammar import SyntaxFault

FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
NONCE = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CHALLENGE = b"r=%b,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096" % NONCE
FINAL = b"c=biws,r=%b,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=" % NONCE
LAST = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_exchange_of_rfc_7677() -> None:
    first, final = scram.read_first(FIRST), scram.read_final(FINAL)
    assert (first.user, first.authorize, first.nonce) == ("user", "", b"rOprNGfwEbeRWgbNEkqO")
    assert scram.server_first(NONCE, SALT, 4096) == CHALLENGE
    assert (final.nonce, final.binding) == (NONCE, first.header)
    keys = crypto.scram_keys("pencil", SALT, 4096)
    message = scram.auth_message(first, CHALLENGE, final)
    signature = crypto.scram_signature(*keys, message, final.proof)
    assert signature is not None
    assert scram.server_final(signature) == LAST
    for wrong in (final.proof[:-1] + b"x", final.proof[:-1], b""):
        assert crypto.scram_signature(*keys, message, wrong) is None
    assert crypto.scram_signature(b"", b"", message, final.proof) is None


@pytest.mark.parametrize(
    ("octets", "user", "authorize", "binds"),
    [
        (b"y,,n=a,r=x", "a", "", False),
        (b"p=tls-exporter,,n=a,r=x", "a", "", True),
        (b"n,a=b=2C=3D,n=a=3Db,r=x", "a=b", "b,=", False),
        ("n,,n=é,r=x".encode(), "é", "", False),
        (b"n,,n=a,r=x,z=more,Q==", "a", "", False),
    ],
)
def test_first_messages(octets: bytes, user: str, authorize: str, binds: bool) -> None:
    found = scram.read_first(octets)
    assert (found.user, found.authorize, found.wants_binding) == (user, authorize, binds)
    assert found.header + found.bare == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"n=a,r=x",
        b"n,n=a,r=x",
        b"x,,n=a,r=x",
        b"p,,n=a,r=x",
        b"n,a=,n=a,r=x",
        b"n,,n=,r=x",
        b"n,,n=a=2c,r=x",
        b"n,,n=a=,r=x",
        b"n,,m=new,n=a,r=x",
        b"n,,n=\xff,r=x",
        b"n,,n=a\0,r=x",
        b"n,,n=a,r=",
        b"n,,n=a,r=x y",
        b"n,,n=a",
        b"n,,r=x,n=a",
        b"n,,n=a,r=x,",
        b"n,,n=a,r=x,z=",
        b"n,,n=a,r=" + b"x" * (scram.MAX_NONCE_OCTETS + 1),
    ],
)
def test_what_is_no_first_message(octets: bytes) -> None:
    with pytest.raises(SyntaxFault):
        scram.read_first(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"c=biws,r=x",
        b"r=x,p=eA==",
        b"c=biws,p=eA==",
        b"c=,r=x,p=eA==",
        b"c=biw,r=x,p=eA==",
        b"c=biws,r=x,p=eA=",
        b"c=biws,r=x,p=eA==,z=1",
        b"c=biws,r=x,p=",
    ],
)
def test_what_is_no_final_message(octets: bytes) -> None:
    with pytest.raises(SyntaxFault):
        scram.read_final(octets)


def test_extensions_are_passed_over_and_count() -> None:
    final = scram.read_final(b"c=biws,r=x,z=1,y=2,p=eA==")
    assert (final.bare, final.proof) == (b"c=biws,r=x,z=1,y=2", b"x")
