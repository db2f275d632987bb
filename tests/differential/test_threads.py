"""THREAD and SORT of random small mailboxes beside Dovecot: to the letter, order and all.

What makes threads hard comes often: Message-IDs that are missing or there twice, references in
circles or to nothing, subjects that say the same, and messages without a date.
"""

import random
import re
from collections.abc import Iterator

import pytest

from tests.differential.peers import Bridge, Debian, Peer
from tests.e2e.dovecot import need_dovecot

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]

MAILBOXES = 80
ALGORITHMS = ("ORDEREDSUBJECT", "REFERENCES")
ORDERS = ("ARRIVAL", "REVERSE DATE", "SUBJECT REVERSE ARRIVAL", "REVERSE SUBJECT DATE", "SIZE DATE")

_NUMBER = re.compile(rb"\d+")

Written = tuple[bytes, int]
"""A message, and the minute at which it came."""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peer, Peer]]:
    need_dovecot()
    bridge = Bridge(tmp_path_factory.mktemp("threads"))
    try:
        dovecot = Debian()
        try:
            yield bridge, dovecot
        finally:
            dovecot.close()
    finally:
        bridge.close()


def written(chance: random.Random) -> list[Written]:
    count = chance.randrange(3, 10)
    return [(_message(chance, place, count), chance.randrange(60)) for place in range(count)]


def _message(chance: random.Random, place: int, count: int) -> bytes:
    fields = [b"From: a@example.org"]
    if chance.random() < 0.95:
        own = chance.randrange(count) if chance.random() < 0.15 else place
        fields.append(b"Message-ID: <%d@x>" % own)
    refers = chance.random()
    others = [b"<%d@x>" % chance.randrange(count + 3) for _ in range(chance.choice([1, 1, 2, 3]))]
    if refers < 0.5:
        fields.append(b"References: " + b" ".join(others))
    elif refers < 0.65:
        fields.append(b"In-Reply-To: " + others[0])
    if chance.random() < 0.95:
        fields.append(b"Date: Tue, 24 Nov 2026 10:%02d:00 +0000" % chance.randrange(60))
    base = chance.choice([b"a", b"b", b"c", b"%d" % place, b""])
    fields.append(b"Subject: " + chance.choice([b"", b"", b"Re: ", b"Fwd: "]) + base)
    return b"\r\n".join((*fields, b"", b"x" * chance.randrange(3), b""))


def fill(peer: Peer, messages: list[Written]) -> None:
    """Puts the messages in place of those that are there."""
    assert peer.ask(b"UID STORE 1:* +FLAGS.SILENT (\\Deleted)").ok
    assert peer.ask(b"EXPUNGE").ok
    for octets, minute in messages:
        head = b'APPEND INBOX () "24-Nov-2026 11:%02d:00 +0000" {%d+}\r\n'
        assert peer.ask(head % (minute, len(octets)) + octets).ok
    assert peer.ask(b"NOOP").ok


def told(peer: Peer, asked: str) -> bytes:
    """The one response to SORT or THREAD."""
    verb, _, _ = asked.partition(" ")
    pattern = rb"^\* %b.*\r\n" % verb.encode()
    (found,) = re.findall(pattern, peer.ask(asked.encode() + b" UTF-8 ALL").octets, re.MULTILINE)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("part", range(4))
def test_random_mailboxes(peers: tuple[Peer, Peer], part: int) -> None:
    bridge, dovecot = peers
    for seed in range(part, MAILBOXES, 4):
        messages = written(random.Random(seed))
        for peer in peers:
            fill(peer, messages)
        asked = [f"THREAD {name}" for name in ALGORITHMS] + [f"SORT ({keys})" for keys in ORDERS]
        for command in asked:
            assert told(bridge, command) == told(dovecot, command), (seed, command)
        _compare_refs(peers, messages, seed)


def _compare_refs(peers: tuple[Peer, Peer], messages: list[Written], seed: int) -> None:
    """The threads are the same, and ours are by when something last came to them.

    So draft-ietf-morg-inthread has it; Dovecot's are by when something was last sent.
    """
    ours, theirs = (list(_threads(told(peer, "THREAD REFS"))) for peer in peers)
    assert sorted(ours) == sorted(theirs), seed
    minutes = [[messages[int(number) - 1][1] for number in _NUMBER.findall(one)] for one in ours]
    latest = list(map(max, minutes))
    assert latest == sorted(latest), (seed, ours)


def _threads(response: bytes) -> Iterator[bytes]:
    """What stands in parentheses of its own."""
    depth = start = 0
    for parenthesis in re.finditer(rb"[()]", response):
        if parenthesis[0] == b"(":
            start = start if depth else parenthesis.start()
            depth += 1
        else:
            depth -= 1
            if not depth:
                yield response[start : parenthesis.end()]
