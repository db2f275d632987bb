"""What a POP3 server sends: bodies in any chunking, status and listing lines, our own commands."""

import re
from random import Random

from bridge.errors import ProtocolError, UsageError
from bridge.pop3 import commands
from bridge.pop3.multiline import BareLfScanner, BodyScanner
from bridge.pop3.replies import (
    MAX_LOGIN_DELAY_S,
    ListingParser,
    parse_capabilities,
    parse_status,
    parse_timestamp,
)
from tests.fuzz.common import chunks, held, split
from tests.fuzz.grammar import Grammar

_GRAMMAR = Grammar(
    {
        "number": (b"1", b"2", b"3", b"17", b"007", b"4294967296", b"1" * 19, b"-1", b"x", b"\xb2"),
        "uidl": (b"abc", b"a b", b"", b"\xff\x80", b"x" * 71, b"<1@x>", b" z "),
        "code": (b"[IN-USE]", b"[SYS/TEMP]", b"[AUTH", b"[]", b"[LOGIN-DELAY] x", b"<1.2@host>"),
        "text": (b"ok", b"$code ok", b"POP3 ready $code", b"", b"2 320", b"caf\xe9"),
        "status": (b"+OK $text", b"-ERR $text", b"+ok", b"+OK", b"+ $text", b"* $text",
                   b"-err$text"),
        "capability": (b"UIDL", b"SASL PLAIN scram-sha-256", b"PIPELINING",
                       b"LOGIN-DELAY $number USER",
                       b"EXPIRE NEVER", b"LOGIN-DELAY", b"TOP", b"\xff \xff", b" sasl x"),
        "line": (b"$number $number", b"$number $number", b"$number $uidl", b"$number  $uidl",
                 b"$status",
                 b"$capability", b".", b"..", b"...", b".x", b"", b"Subject: x", b"hello", b"\r",
                 b"a\rb"),
        "lines": (b"$line\r\n", b"$line\r\n$lines", b"$line\r\n$lines", b"$line\n$lines"),
        "reply": (b"$lines", b"$lines.\r\n", b"$lines.\r\n$status\r\n", b".\r\n",
                  b"$lines.\n$line\r\n"),
    }
)  # fmt: skip
TOKENS = (
    b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n", b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r\n..",
    b"\r\n.", b"\n..", b"..",
    b"+OK ", b"-ERR ", b"1 ", b"2 120", b" ", b"[", b"]", b"<", b"@", b">", b"SASL ",
    b"LOGIN-DELAY ", b"\0",
)  # fmt: skip
HELD_OCTETS = 4
Scanned = tuple[bool, bytes, bytes]
"""Whether the body ended, the message, and the octets behind it."""


def piece(rng: Random) -> bytes:
    """A multi-line reply."""
    return _GRAMMAR.sentence("reply", rng)


def target(octets: bytes) -> None:
    """Bodies end and are un-stuffed as a plain reading says; lines raise the one error only."""
    rng, wire = split(octets)
    _check_bodies(wire, rng)
    _check_bare_bodies(wire, rng)
    _check_lines(wire.split(b"\r\n"), rng)
    _check_commands(wire)


def _scan(scanner: BodyScanner, wire: bytes, rng: Random) -> Scanned:
    body, behind = b"", b""
    for chunk in chunks(wire, rng):
        assert not behind or scanner.done
        text, rest = scanner.feed(chunk)
        body, behind = body + text, behind + rest
        assert held(scanner) <= HELD_OCTETS
    return scanner.done, body, behind


def _check_body(found: Scanned, text: bytes, end: re.Match[bytes] | None) -> None:
    """`text` is the message as a plain reading of all octets has it."""
    done, body, behind = found
    assert done == (end is not None)
    if end is not None:
        assert (body, behind) == (text, end.string[end.end() :])
    else:
        assert text.startswith(body) and len(text) - len(body) <= HELD_OCTETS


def _check_bodies(wire: bytes, rng: Random) -> None:
    found = _scan(BodyScanner(), wire, rng)
    assert found == _scan(BodyScanner(), wire, rng)
    octets = b"\r\n" + wire
    end = re.search(rb"\r\n\.\r\n", octets)
    text = octets[: end.start() + 2] if end else octets
    _check_body(found, text.replace(b"\r\n..", b"\r\n.")[2:], end)


def _check_bare_bodies(wire: bytes, rng: Random) -> None:
    found = _scan(BareLfScanner(), wire, rng)
    assert found == _scan(BareLfScanner(), wire, rng)
    octets = b"\n" + wire
    end = re.search(rb"\n\.\r?\n", octets)
    text = octets[: end.start() + 1] if end else octets
    text = re.sub(rb"(?<!\r)\n", b"\r\n", text.replace(b"\n..", b"\n."))[2:]
    _check_body(found, text, end)


def _check_lines(lines: list[bytes], rng: Random) -> None:
    for line in lines:
        try:
            reply = parse_status(line)
        except ProtocolError:
            continue
        assert reply.says(reply.code)
        parse_timestamp(reply.text)
    found = parse_capabilities(lines)
    assert 0 <= found.login_delay_s() <= MAX_LOGIN_DELAY_S
    found.sasl()
    _check_listing(lines, rng)


def _check_listing(lines: list[bytes], rng: Random) -> None:
    parser = ListingParser()
    try:
        if rng.random() < 0.7:
            parser.begin_uidls()
            for line in lines[: len(lines) // 2]:
                parser.uidl(line)
        for line in lines[len(lines) // 2 :]:
            parser.size(line)
        listing = parser.listing()
    except ProtocolError:
        return
    numbers = [one.number for one in listing.messages]
    assert numbers == sorted(set(numbers))
    assert all(one.uidl != b"" and one.size >= 0 for one in listing.messages)


def _check_commands(wire: bytes) -> None:
    user, _, password = wire[:200].partition(b"\n")
    for build in (
        lambda: commands.line("USER", user, 7),
        lambda: commands.apop(user, password, b"<1@x>"),
    ):
        try:
            octets = build()
        except UsageError:
            continue
        assert octets.endswith(b"\r\n") and octets.count(b"\n") == octets.count(b"\r") == 1
