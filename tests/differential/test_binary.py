"""BINARY of every part of the odd messages, beside Dovecot; each difference with its rule.

Only parts that both servers see alike are compared: where not, `verdicts` says why. A multipart
and a message have no encoding to be taken off (RFC 2045 §6.4; RFC 9051 §6.4.5 doesn't let them be
asked for): popbridge shows them as BODY does, Dovecot with their parts decoded.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.corpus.all import messages
from tests.differential import compare
from tests.differential.peers import Bridge, Debian, Peer, append_all
from tests.differential.responses import Value
from tests.e2e.dovecot import need_dovecot

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(900)]

GONE = "the connection was closed"

RULES: dict[str, tuple[str, ...]] = {
    "RFC 2045 §6.8: what is no letter of base64 must be ignored by decoding software; Dovecot "
    "fails": (
        "encoding: base64 with garbage 1",
        "mutation 002: octets put in 3",
    ),
    'RFC 2045 §6.8: "=" is evidence that the end of the data has been reached; Dovecot fails': (
        "encoding: base64 with padding in the middle 1",
        "encoding: base64 with a text behind 1",
        "mutation 073: two lines swapped 3",
    ),
    "RFC 3516 §4.3: what can be decoded is sent, NO is for an encoding that isn't known; of data "
    "that end too early Dovecot closes the connection within the answer": (
        "encoding: base64 without padding 1",
        "encoding: base64 of one character 1",
        "encoding: quoted-printable ends in an equals sign 1",
    ),
    'RFC 2045 §6.7: a robust implementation might include "=" and what follows it in the decoded '
    "data; Dovecot fails": ("encoding: quoted-printable broken 1",),
    "RFC 2045 §6.1: 7bit where the field says nothing that is an encoding, as BODYSTRUCTURE says "
    "at both; Dovecot knows none": (
        "encoding: base64 quoted 1",
        "encoding: empty 1",
        "encoding: two words 1",
        "encoding: comment only 1",
    ),
    "RFC 5322 §2.2.3: a folded field is the unfolded one; Dovecot knows none": (
        "encoding: folded 1",
    ),
    "RFC 3516 §4.3: BINARY.SIZE is of the section; Dovecot fails where another part of the message "
    "can't be decoded": (
        "mutation 002: octets put in 1.1",
        "mutation 002: octets put in 1.2",
        "mutation 002: octets put in 2.1",
        "mutation 034: octets put in 1",
        "mutation 034: octets put in 2.1",
        "mutation 034: octets put in 2.2",
        "mutation 073: two lines swapped 1.1",
        "mutation 073: two lines swapped 1.2",
        "mutation 073: two lines swapped 2.1",
        "mutation 073: two lines swapped 2.2",
    ),
    "RFC 3516 §4.3: BINARY.SIZE must match the size of what BINARY returns; Dovecot's is less": (
        "mutation 071: octets lost 2",
    ),
}
"""The parts that differ, by what makes ours right."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One part at both servers: (BINARY, BINARY.SIZE) at each, and BODY, which is the same."""

    name: str
    composite: bool
    body: Value
    ours: tuple[Value, ...]
    theirs: tuple[Value, ...]


def asked(peer: Peer, number: int, place: str) -> tuple[Value, ...]:
    """BINARY and BINARY.SIZE; the code of NO in their place."""
    found: list[Value] = []
    for item in (f"BINARY[{place}]", f"BINARY.SIZE[{place}]"):
        try:
            answer = peer.ask(f"FETCH {number} {item.replace('Y[', 'Y.PEEK[')}".encode())
        except ConnectionError:
            assert isinstance(peer, Debian)
            connect_again(peer)
            found.append(GONE)
            continue
        shown = answer.items.get(number, {}).get(item)
        found.append(shown if answer.ok else answer.tagged.split(b"]")[0])
    return tuple(found)


def connect_again(dovecot: Debian) -> None:
    dovecot._socket.close()
    dovecot._socket = socket.socket()
    dovecot._buffer.clear()
    dovecot._log_in()


def parts(bridge: Peer, dovecot: Peer) -> Iterator[Compared]:
    odd_ones = messages()
    for peer in (bridge, dovecot):
        append_all(peer, odd_ones)
    ours, theirs = compare.basics(bridge), compare.basics(dovecot)
    for number, odd in enumerate(odd_ones, 1):
        mine, yours = compare.seen(ours[number]).places, compare.seen(theirs[number]).places
        for place, items in mine.items():
            if not place or place.endswith(".") or place not in yours:
                continue
            body = compare.fetch(bridge, number, [f"BODY[{place}]"])
            if body != compare.fetch(dovecot, number, [f"BODY[{place}]"]):
                continue
            yield Compared(
                f"{odd.name} {place}",
                "parts" in items or items.get("type") == (b"message", b"rfc822"),
                body[f"BODY[{place}]"],
                asked(bridge, number, place),
                asked(dovecot, number, place),
            )


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    need_dovecot()
    bridge = Bridge(tmp_path_factory.mktemp("binary"))
    try:
        dovecot = Debian()
        try:
            return list(parts(bridge, dovecot))
        finally:
            dovecot.close()
    finally:
        bridge.close()


def test_every_difference_has_its_rule(compared: list[Compared]) -> None:
    assert len(compared) > 1500
    differ = {one.name for one in compared if not one.composite and one.ours != one.theirs}
    assert differ == {name for names in RULES.values() for name in names}


def test_what_popbridge_says_agrees_with_itself(compared: list[Compared]) -> None:
    for one in compared:
        octets, size = one.ours
        if isinstance(octets, bytes) and octets.startswith(b"x NO"):
            assert size == octets == b"x NO [UNKNOWN-CTE", one.name
        else:
            assert isinstance(octets, bytes) and size == len(octets), one.name


def test_multiparts_and_messages_are_as_body_shows_them(compared: list[Compared]) -> None:
    composite = [one for one in compared if one.composite]
    coded = {one.name for one in composite if one.ours[0] != one.body}
    # What RFC 2046 §5.2.1 forbids has an encoding all the same: there is one to take off.
    assert coded == {"embedded: base64 1", "embedded: unknown encoding 1"}
