import base64
import json
from typing import Any

import pytest

from bridge.errors import ProtocolError
from bridge.pop3 import scram
from bridge.pop3.challenge import Credentials, Exchange, challenge_of, decoded, response_line
from bridge.pop3.sasl import MECHANISMS, Mechanism, token_refusal


def credentials(user: str = "user", secret: str = "pencil", **wanted: Any) -> Credentials:
    return Credentials(user=user.encode(), secret=secret.encode(), **wanted)


def answer(exchange: Exchange, challenge: bytes | None) -> bytes | None:
    try:
        return exchange.send(challenge)
    except StopIteration:
        return None


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


def test_plain_and_login() -> None:
    plain = MECHANISMS["PLAIN"].exchange(credentials(), b"go ahead")
    assert next(plain) == b"\0user\0pencil"
    assert answer(plain, None) is None
    login = MECHANISMS["LOGIN"].exchange(credentials(), b"")
    assert [next(login), answer(login, b"OK")] == [b"user", b"pencil"]
    assert answer(login, b"more?") is None


def test_cram_md5_of_rfc_2195() -> None:
    challenge = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    exchange = MECHANISMS["CRAM-MD5"].exchange(credentials("tim", "tanstaaftanstaaf"), challenge)
    assert response_line(next(exchange)) == (
        b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"
    )


def test_xoauth2_and_oauthbearer() -> None:
    # The example of RFC 7628 §4.1 and the one of Google's page, with these names.
    wanted = credentials("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
                         host="server.example.com", port=143)  # fmt: skip
    bearer = MECHANISMS["OAUTHBEARER"].exchange(wanted, b"")
    assert b64(next(bearer)) == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVy"
        b"IHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert answer(bearer, b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=") == b"\x01"
    assert answer(bearer, b"") is None
    google = MECHANISMS["XOAUTH2"].exchange(wanted, b"")
    assert next(google) == (
        b"user=user@example.com\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    assert answer(google, b"not base64") == b""


def test_a_comma_in_a_name() -> None:
    exchange = MECHANISMS["OAUTHBEARER"].exchange(credentials("a=b,c", host="h", port=1), b"")
    assert next(exchange).startswith(b"n,a=a=3Db=2Cc,\x01host=h\x01port=1\x01")


SCRAM_EXAMPLES = {
    # RFC 5802 §5 and RFC 7677 §3.
    "SCRAM-SHA-1": (
        b"fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        b"rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


def scram_exchange(name: str, **changes: str) -> Exchange:
    exchange = MECHANISMS[name].exchange(credentials(nonce=SCRAM_EXAMPLES[name][0], **changes), b"")
    assert next(exchange).endswith(b",r=" + SCRAM_EXAMPLES[name][0])
    return exchange


@pytest.mark.parametrize("name", SCRAM_EXAMPLES)
def test_scram_of_the_rfcs(name: str) -> None:
    _, first, final, last = SCRAM_EXAMPLES[name]
    exchange = scram_exchange(name)
    assert answer(exchange, b64(first)) == final
    assert answer(exchange, b64(last)) == b""
    assert answer(exchange, None) is None


@pytest.mark.parametrize("name", SCRAM_EXAMPLES)
def test_scram_ends_without_the_servers_proof(name: str) -> None:
    _, first, _, last = SCRAM_EXAMPLES[name]
    accepted_at_once = scram_exchange(name)
    with pytest.raises(ProtocolError, match="without proving"):
        accepted_at_once.send(None)
    accepted_early = scram_exchange(name)
    accepted_early.send(b64(first))
    with pytest.raises(ProtocolError, match="without proving"):
        accepted_early.send(None)
    forged = scram_exchange(name)
    forged.send(b64(first))
    with pytest.raises(ProtocolError, match="signature is wrong"):
        forged.send(b64(last.replace(b"r", b"q")))
    other = scram_exchange(name, secret="pen")
    other.send(b64(first))
    with pytest.raises(ProtocolError, match="signature is wrong"):
        other.send(b64(last))
    failed = scram_exchange(name)
    failed.send(b64(first))
    assert failed.send(b64(b"e=invalid-proof")) == b""
    with pytest.raises(ProtocolError, match="without proving"):
        failed.send(None)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"r=ours,s=c2FsdA==,i=4096",
        b"r=theirs,s=c2FsdA==,i=4096",
        b"r=oursX,s=c2FsdA==,i=4095",
        b"r=oursX,s=c2FsdA==,i=2000001",
        b"r=oursX,s=c2FsdA==,i=99999999999999999999",
        b"r=oursX,s=c2FsdA==,i=-4096",
        b"r=oursX,s=c2FsdA==",
        b"r=oursX,s=,i=4096",
        b"r=oursX,s=c2FsdA,i=4096",
        b"r=ours\0,s=c2FsdA==,i=4096",
        b"m=x,r=oursX,s=c2FsdA==,i=4096",
        b"e=other-error",
    ],
)
def test_first_messages_of_scram_that_are_not_answered(first: bytes) -> None:
    exchange = MECHANISMS["SCRAM-SHA-256"].exchange(credentials(nonce=b"ours"), b"")
    next(exchange)
    with pytest.raises(ProtocolError):
        exchange.send(b64(first))


def test_scram_extensions_are_passed_over() -> None:
    exchange = MECHANISMS["SCRAM-SHA-1"].exchange(credentials(nonce=b"ours"), b"")
    next(exchange)
    assert exchange.send(b64(b"r=oursX,s=c2FsdA==,i=4096,x=y")).startswith(b"c=biws,r=oursX,p=")


@pytest.mark.parametrize(("user", "secret"), [("a\x07b", "x"), ("a", "x\x07"), ("a", "\u00ad")])
def test_what_scram_cannot_carry(user: str, secret: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        next(MECHANISMS["SCRAM-SHA-1"].exchange(credentials(user, secret), b""))
    assert secret not in raised.value.text


def test_scram_prepares_name_and_password() -> None:
    first = SCRAM_EXAMPLES["SCRAM-SHA-1"][1]
    exchange = scram_exchange("SCRAM-SHA-1", user="us\u00ader", secret="pen\u00adcil")
    assert exchange.send(b64(first)) == SCRAM_EXAMPLES["SCRAM-SHA-1"][2]


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("challenge", [b"", b"=", b"*", b"AAA", b"\xff", b"AA=A", b"+OK", b"e30="])
def test_any_challenge_ends_in_a_response_or_the_one_error(
    mechanism: Mechanism, challenge: bytes
) -> None:
    exchange = mechanism.exchange(credentials(nonce=b"ours", host="h", port=1), challenge)
    try:
        response: bytes | None = next(exchange)
        while response is not None:
            response = answer(exchange, challenge)
    except ProtocolError as error:
        assert "pencil" not in str(error)


def test_no_repr_shows_a_secret() -> None:
    assert "pencil" not in repr(credentials())


@pytest.mark.parametrize(
    ("line", "challenge"), [(b"+", b""), (b"+ ", b""), (b"+ eA==", b"eA=="), (b"+eA==", b"eA==")]
)
def test_challenges_of_lines(line: bytes, challenge: bytes) -> None:
    assert challenge_of(line) == challenge


def test_base64_is_strict() -> None:
    assert decoded(b"") == b""
    for text in (b"eA=", b"eA", b"e A==", b"=eA=", b"eA==x", b"eA==\r\n"):
        with pytest.raises(ProtocolError):
            decoded(text)


@pytest.mark.parametrize(
    ("told", "words", "temporary"),
    [
        ({"status": "400", "schemes": "Bearer", "scope": "https://mail"},
         "status 400, scope https://mail", False),
        ({"status": "invalid_token", "error_description": "expired"},
         "status invalid_token, error description expired", False),
        ({"status": 503}, "status 503", True),
        ({"status": ["x"]}, "", False),
        ([], "", False),
        ("x", "", False),
    ],
)  # fmt: skip
def test_why_a_token_was_refused(told: object, words: str, temporary: bool) -> None:
    refusal = token_refusal(b64(json.dumps(told).encode()))
    assert (refusal.words, refusal.is_temporary) == (words, temporary)


@pytest.mark.parametrize("challenge", [b"", b"x", b64(b"{"), b64(b"[" * 100_000), b64(b"\xff")])
def test_a_refusal_that_cannot_be_read(challenge: bytes) -> None:
    assert token_refusal(challenge).words == ""


def test_iterations_are_bounded_as_the_rfc_wants() -> None:
    assert scram.MIN_ITERATIONS == 4096
