"""SEARCH: from the command's octets to the messages it finds."""

from datetime import UTC, datetime, timedelta
from random import Random

from bridge.imap.commands.search import Search
from bridge.imap.framing import CommandLine, Framer, LiteralRequested
from bridge.imap.parser import Tagged, parse
from bridge.model.search import And, Not, Or, SearchKey
from bridge.query.fold import fold
from tests.fuzz.common import split
from tests.fuzz.imap_commands import COMMANDS
from tests.fuzz.imap_commands import TOKENS as IMAP_TOKENS
from tests.query.reference import Candidate, Listed, Reference

TOKENS = (
    *IMAP_TOKENS,
    b"HEADER subject ",
    b"TEXT ",
    b"SINCE 1-Jan-2026 ",
    b"SENTON ",
    b"LARGER 5 ",
    b"(NOT (",
    b"OLDER 9 ",
    b"YOUNGER 9 ",
)
NOW = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
LAST_SEQ, LAST_UID = 3, 999


def _candidate(seq: int, flags: frozenset[str], header: bytes, text: str) -> Candidate:
    return Candidate(
        seq=seq,
        uid=seq * 333,
        modseq=seq * 7,
        flags=flags,
        size=10**seq,
        internal_date=(NOW + timedelta(days=seq)).isoformat(),
        sent_date=None if seq == 2 else NOW.isoformat(),
        header=header,
        text=fold(text),
    )


CANDIDATES = (
    _candidate(1, frozenset(), b"", ""),
    _candidate(
        2, frozenset({"\\seen", "kw"}), b"Subject: =?utf-8?q?caf=C3=A9?= x y\r\n\r\n", "a café"
    ),
    _candidate(
        3, frozenset({"\\recent"}), b"From: a@b\r\nno colon\r\nTo: \xff\r\n\r\n", 'say "hi"'
    ),
)


def piece(rng: Random) -> bytes:
    """Search keys."""
    return COMMANDS.sentence("keys", rng)


def target(octets: bytes) -> None:
    """A key and its opposite share all messages, whatever else stands beside it."""
    _, keys = split(octets)
    framer = Framer(len(keys) + 100)
    framer.feed(b"a SEARCH " + keys + b"\r\n")
    while (event := framer.next_event()) is not None:
        match event:
            case LiteralRequested() if event.size <= len(keys):
                framer.accept_memory()
            case LiteralRequested():
                framer.reject()
            case CommandLine():
                result = parse(event.pieces)
                if isinstance(result, Tagged) and isinstance(result.command, Search):
                    _check(result.command.key)


def _check(key: SearchKey) -> None:
    reference = Reference(LAST_SEQ, LAST_UID, NOW)
    messages = Listed(CANDIDATES, reference)
    found = messages.found(key)
    assert found == tuple(reference.matches(key, one) for one in CANDIDATES)
    assert found == tuple(not one for one in messages.found(Not(key)))
    assert found == messages.found(And((key, key))) == messages.found(Or(key, key))
    assert all(messages.found(Or(key, Not(key))))
