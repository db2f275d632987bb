"""SORT beside Python's own sort over keys worked out another way; what is kept between sorts."""

import email
import email.header
import email.utils
import random
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.session.keys import Keys
from tests.imap_harness import Client, Server, append

NAMES = ("ann", "Bob", "BOB", "=?utf-8?q?=C3=84nne?=", "=?utf-8?q?a=CC=88nne?=", '"Zoe, Q."', "")
SUBJECTS = (
    "x", "Re: x", "re[2]: X", "[list] x", "fwd: [a] x (fwd)", "[fwd: x]", "=?utf-8?q?Re=3A_x?=",
    "y", "", "Re:", "[only]", "=?utf-8?q?=C3=BC?=", "z\r\n folded", "z  folded", "[a] [b] Re: y",
)  # fmt: skip
KEYS = ("ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO")
LETTERS = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def any_letter(chance: random.Random) -> bytes:
    def address() -> str:
        where = f"{chance.choice(('a', 'B', 'b', 'c'))}@{chance.choice(('x', 'y'))}"
        name = chance.choice(NAMES)
        return f"{name} <{where}>" if name else where

    lines = [f"X-Pad: {'p' * chance.randrange(3)}"]
    for name in ("From", "To", "Cc"):
        if chance.random() < 0.8:
            lines.append(f"{name}: {', '.join(address() for _ in range(chance.choice((1, 2))))}")
    if chance.random() < 0.9:
        lines.append(f"Subject: {chance.choice(SUBJECTS)}")
    if chance.random() < 0.8:
        zone = chance.choice(("+0000", "-0800", "+0545", "EST"))
        lines.append(f"Date: {chance.randrange(1, 4)} Mar 2026 {chance.randrange(24):02}:00 {zone}")
    return ("\r\n".join(lines) + "\r\n\r\nbody\r\n").encode()


def decoded(text: str) -> str:
    return str(email.header.make_header(email.header.decode_header(text)))


def collated(text: str) -> bytes:
    """i;unicode-casemap, a character at a time."""
    title = "".join(c.title() if len(c.title()) == 1 else c for c in text)
    return unicodedata.normalize("NFKD", title).encode()


def base(text: str) -> str:
    """RFC 5256 §2.1, rule after rule."""
    text = re.sub(r"[\t ]+", " ", re.sub(r"\r\n(?=[ \t])", "", text))
    blob = r"\[[^\[\]]*\] *"
    while True:
        text = re.sub(r"(?: |\(fwd\))+\Z", "", text, flags=re.I)
        while True:
            shorter = re.sub(rf"\A(?:(?:{blob})*(?:re|fwd?) *(?:{blob})?:| )", "", text, flags=re.I)
            if shorter == text and (cut := re.sub(rf"\A{blob}", "", text)):
                shorter = cut
            if shorter == text:
                break
            text = shorter
        wrapped = re.fullmatch(r"\[fwd:(.*)\]", text, re.I | re.S)
        if wrapped is None:
            return text
        text = wrapped[1]


class Oracle:
    """What RFC 5256 and 5957 compare, by the standard library's reading of a letter."""

    def __init__(self, octets: bytes, arrived: datetime) -> None:
        self._letter = email.message_from_bytes(octets)
        self._arrived = arrived
        self._size = len(octets)

    def _text(self, name: str) -> str:
        return str(self._letter.get(name, ""))

    def _first(self, name: str) -> tuple[str, str]:
        return (email.utils.getaddresses([self._text(name)]) or [("", "")])[0]

    def _mailbox(self, name: str) -> bytes:
        return collated(self._first(name)[1].partition("@")[0])

    def _display(self, name: str) -> bytes:
        shown, where = self._first(name)
        return collated(decoded(shown) or where)

    def _sent(self) -> datetime:
        text = self._text("Date")
        return email.utils.parsedate_to_datetime(text).astimezone(UTC) if text else self._arrived

    def value(self, key: str) -> Any:
        values: dict[str, Callable[[], Any]] = {
            "ARRIVAL": lambda: self._arrived,
            "CC": lambda: self._mailbox("Cc"),
            "DATE": self._sent,
            "DISPLAYFROM": lambda: self._display("From"),
            "DISPLAYTO": lambda: self._display("To"),
            "FROM": lambda: self._mailbox("From"),
            "SIZE": lambda: self._size,
            "SUBJECT": lambda: collated(base(decoded(self._text("Subject")))),
            "TO": lambda: self._mailbox("To"),
        }
        return values[key]()


def fill(client: Client, chance: random.Random, count: int) -> list[Oracle]:
    oracles = []
    for _ in range(count):
        letter = any_letter(chance)
        arrived = datetime(2026, 3, chance.randrange(1, 4), chance.randrange(24), tzinfo=UTC)
        client.do(
            f'APPEND INBOX "{arrived:%d-%b-%Y %H:%M:%S} +0000" {{{len(letter)}+}}\r\n'
            + letter.decode()
        )
        oracles.append(Oracle(letter, arrived))
    return oracles


def expected(oracles: list[Oracle], criteria: list[tuple[str, bool]]) -> list[int]:
    order = list(range(len(oracles)))
    for key, reverse in reversed(criteria):
        order.sort(key=lambda n: oracles[n].value(key), reverse=reverse)
    return [n + 1 for n in order]


@pytest.mark.parametrize("seed", range(2))
def test_order_is_that_of_keys_worked_out_another_way(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    client = server.client()
    oracles = fill(client, chance, LETTERS)
    client.do("SELECT INBOX")
    asked = [[(key, reverse)] for key in KEYS for reverse in (False, True)]
    for _ in range(40):
        keys = chance.sample(KEYS, chance.randrange(2, 5))
        asked.append([(key, chance.random() < 0.5) for key in keys])
    for criteria in asked:
        text = " ".join("REVERSE " * reverse + key for key, reverse in criteria)
        wanted = " ".join(map(str, expected(oracles, criteria)))
        assert client.do(f"SORT ({text}) UTF-8 ALL")[0] == f"* SORT {wanted}".encode(), text


def test_what_came_and_went_since_is_sorted_too(server: Server) -> None:
    chance = random.Random(5)
    client, other = server.client(), server.client()
    client.do("SELECT INBOX")
    other.do("SELECT INBOX")
    oracles: list[Oracle] = []
    for _ in range(12):
        oracles += fill(other, chance, chance.randrange(4))
        if oracles and chance.random() < 0.6:
            gone = chance.randrange(len(oracles))
            del oracles[gone]
            other.do("NOOP")
            other.do(f"STORE {gone + 1} +FLAGS (\\Deleted)")
            other.do("EXPUNGE")
        client.do("NOOP")
        for key in chance.sample(KEYS, 3):
            wanted = "".join(f" {n}" for n in expected(oracles, [(key, False)]))
            assert client.do(f"SORT ({key}) UTF-8 ALL")[0] == f"* SORT{wanted}".encode()


def test_what_is_expunged_elsewhere_is_sorted_until_it_is_told(server: Server) -> None:
    client, other = server.client(), server.client()
    for subject in (b"c", b"b", b"a"):
        append(client, b"Subject: " + subject + b"\r\n\r\n")
    client.do("SELECT INBOX")
    other.do("SELECT INBOX")
    other.do("STORE 2 +FLAGS (\\Deleted)")
    other.do("EXPUNGE")
    other.do("SORT (SUBJECT) UTF-8 ALL")
    found = client.do("SORT (SUBJECT) UTF-8 ALL")
    assert b"* SORT 3 1" in found or b"* SORT 3 2 1" in found
    assert not any(b"EXPUNGE" in line for line in found)
    assert b"* 2 EXPUNGE" in client.do("NOOP")
    assert client.do("SORT (SUBJECT) UTF-8 ALL")[0] == b"* SORT 2 1"


def test_what_is_kept_stays_within_its_bound(server: Server) -> None:
    client = server.client()
    for number in range(30):
        append(client, b"Subject: %d\r\n\r\n" % number)
    keys = Keys(max_octets=2500)
    uids = array("I", range(1, 31))
    mailbox = server.store.read(lambda tx: tx.mailbox(tx.account("alice").id, "INBOX").id)

    def column(name: str) -> list[Any]:
        return list(server.store.read(lambda tx: keys.columns(tx, mailbox, uids, [name])[0]))

    subjects = column("subject")
    assert subjects == [b"%d" % number for number in range(30)]
    for name in ("sent_s", "size", "arrived_s", "from_key", "subject", "sent_s"):
        column(name)
        assert keys.octets <= 2500
    assert column("subject") == subjects
