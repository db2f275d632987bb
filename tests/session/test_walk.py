from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.session.opened import Opened
from bridge.session.walk import MOST_AHEAD, Walk
from tests.imap_harness import Server, append

BODY, FLAGS = frozenset({"octets"}), frozenset({"size"})
COUNT = 1000


def ahead(*positions: int, names: frozenset[str] = BODY) -> list[range]:
    """What is read ahead at each of the positions."""
    walk, found = Walk(), []
    for position in positions:
        walk.step(position, names)
        found.append(walk.ahead(COUNT))
    return found


def test_who_goes_on_in_one_direction_has_more_and_more_read_ahead() -> None:
    assert ahead(10, 11, 12, 13, 14)[:2] == [range(0), range(0)]
    assert ahead(10, 11, 12, 13, 14)[2:] == [range(13, 17), range(14, 22), range(15, 31)]
    assert len(ahead(*range(20))[-1]) == MOST_AHEAD


def test_the_other_direction_is_as_good() -> None:
    assert ahead(30, 29, 28, 27)[2:] == [range(24, 28), range(19, 27)]


@pytest.mark.parametrize("positions", [(5, 5, 5, 5), (5, 9, 13, 17), (5, 6, 5, 6), (5, 6, 20, 21)])
def test_who_goes_here_and_there_has_nothing(positions: tuple[int, ...]) -> None:
    assert not any(ahead(*positions))


def test_other_items_are_another_walk() -> None:
    walk = Walk()
    for position in range(5):
        walk.step(position, BODY if position % 2 else FLAGS)
    assert not walk.ahead(COUNT)


def test_nothing_lies_behind_the_ends() -> None:
    assert ahead(COUNT - 4, COUNT - 3, COUNT - 2)[-1] == range(COUNT - 1, COUNT)
    assert ahead(2, 1, 0)[-1] == range(0)
    assert not ahead(COUNT - 3, COUNT - 2, COUNT - 1)[-1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


MESSAGES = 40


@pytest.mark.parametrize("numbers", [range(1, MESSAGES + 1), range(MESSAGES, 0, -1)])
@pytest.mark.parametrize("item", ["BODY.PEEK[]", "BODY.PEEK[1]", "(UID FLAGS ENVELOPE)"])
def test_a_client_that_walks_gets_what_is_there_from_few_looks(
    server: Server, looks: list[Any], numbers: range, item: str
) -> None:
    client = server.client()
    for number in range(MESSAGES):
        body = b"x" * (number * 4000)
        append(client, b"Subject: %d\r\n\r\n%d %b\r\n" % (number, number, body))
    client.do("EXAMINE INBOX")
    at_once = client.do(f"FETCH 1:* {item}")[:-1]
    server.services.opened = Opened()
    looks.clear()
    singly = {number: client.do(f"FETCH {number} {item}")[:-1] for number in numbers}
    assert [line for number in sorted(singly) for line in singly[number]] == at_once
    # Messages that are too large to be kept are read each for itself.
    assert len(looks) < MESSAGES * 3 // 4


def test_flags_are_those_of_now(server: Server) -> None:
    one, two = server.client(), server.client()
    for number in range(10):
        append(one, b"Subject: %d\r\n\r\n" % number)
    two.do("NOOP")
    for number in range(1, 5):
        one.do(f"FETCH {number} (FLAGS RFC822.SIZE)")
    two.do(r"STORE 6 FLAGS (\Flagged)")
    one.do("NOOP")
    one.do("FETCH 5 (FLAGS RFC822.SIZE)")
    assert one.do("FETCH 6 (FLAGS RFC822.SIZE)")[0] == (
        rb"* 6 FETCH (FLAGS (\Flagged \Recent) RFC822.SIZE 14)"
    )
