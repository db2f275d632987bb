"""What a POP3 server sends while a SASL mechanism logs in: challenges, in base64 and not."""

from base64 import b64encode
from random import Random

from bridge.errors import ProtocolError
from bridge.pop3.challenge import Credentials, challenge_of, response_line
from bridge.pop3.sasl import MECHANISMS, Mechanism, token_refusal
from tests.fuzz.common import split
from tests.fuzz.grammar import Grammar

SECRET = b"the-secret"
# With the fewest iterations there are: what an exchange costs is for tests of its own.
_CREDENTIALS = Credentials(
    user=b"us,er=", secret=SECRET, host="pop.example.org", port=995, nonce=b"ours"
)


def _in_base64(rng: Random) -> bytes:
    return b64encode(_GRAMMAR.sentence("text", rng))


_GRAMMAR = Grammar(
    {
        "number": (b"4096", b"4095", b"0", b"-1", b"x", b"9" * 12, b"401", b"503"),
        "salt": (b"c2FsdA==", b"c2FsdA", b"", b"=", b"\xff"),
        "scram": (b"r=oursX,s=c2FsdA==,i=4096", b"r=ours$salt,s=$salt,i=$number", b"v=$salt",
                  b"e=$number", b"m=x,$scram", b"$scram,x=$salt"),
        "json": (b'{"status":"$number"}', b'{"status":$number,"scope":"$salt"}', b"[$json]",
                 b'{"error":$json}'),
        "text": (b"$scram", b"$json", b"<1896.697170952@host>", b"Username:", b""),
        "base64": _in_base64,
        "challenge": (b"+ $base64", b"+ $base64", b"+$base64", b"+ $text", b"+OK", b"+", b"+ ="),
        "lines": (b"$challenge\r\n", b"$challenge\r\n$lines", b"$challenge\r\n$lines"),
    }
)  # fmt: skip
TOKENS = (b"+ ", b"+", b"+OK", b"\r\n", b"=", b"*", b"r=ours", b",", b"s=", b"i=4096", b"{", b"[",
          b"e30=", b'"status":', b"\0", b"AAAA")  # fmt: skip


def piece(rng: Random) -> bytes:
    """Challenges."""
    return _GRAMMAR.sentence("lines", rng)


def target(octets: bytes) -> None:
    """Each challenge is answered with one line of base64, or ends the exchange by the one error."""
    rng, wire = split(octets)
    lines = [line for line in wire.split(b"\r\n") if line.startswith(b"+")]
    for line in lines:
        refusal = token_refusal(challenge_of(line))
        assert isinstance(refusal.words, str)
    for mechanism in MECHANISMS.values():
        _converse(mechanism, lines, rng)


def _converse(mechanism: Mechanism, lines: list[bytes], rng: Random) -> None:
    challenges: list[bytes | None] = [challenge_of(line) for line in lines[:5]]
    if rng.random() < 0.3 and len(challenges) >= mechanism.blind:
        challenges.append(None)
    if not challenges or challenges[0] is None:
        return
    exchange = mechanism.exchange(_CREDENTIALS, challenges[0])
    try:
        _check_response(mechanism, 0, next(exchange))
        for number, challenge in enumerate(challenges[1:], 1):
            response = exchange.send(challenge)
            assert challenge is not None, "nothing is said once the server has accepted"
            _check_response(mechanism, number, response)
    except StopIteration:
        # Nobody can have made the proof of a password that only this side has.
        assert not mechanism.name.startswith("SCRAM")
    except ProtocolError as error:
        assert SECRET.decode() not in str(error)


def _check_response(mechanism: Mechanism, number: int, response: bytes) -> None:
    line = response_line(response)
    assert line.endswith(b"\r\n") and line.count(b"\r") == line.count(b"\n") == 1
    if number < mechanism.secret_in or not mechanism.reveals:
        assert SECRET not in response
