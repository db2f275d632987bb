"""SEARCH, and numbers that stand for nothing or for the last."""

import random

import pytest

from tests.imap_harness import Client, Server, append

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "\\Draft", "$Junk")


def message(number: int) -> bytes:
    return b"From: a%d@example.org\r\nSubject: %d\r\n\r\nbody %d\r\n" % (number, number, number)


def found(client: Client, command: str) -> set[int]:
    line = client.do(command)[0]
    assert line.startswith(b"* SEARCH")
    return {int(number) for number in line.split()[2:]}


def test_r12_not_and_or_from_the_first_day(server: Server) -> None:
    client = server.client()
    for number in range(1, 5):
        append(client, message(number), flags="(\\Deleted)" if number == 2 else "()")
    assert found(client, "SEARCH 1:4 SINCE 1-Jan-2026 NOT DELETED") == {1, 3, 4}
    assert found(client, "UID SEARCH 1:4 NOT DELETED") == {1, 3, 4}
    assert found(client, "SEARCH OR FROM a1 (NOT DELETED SUBJECT 3)") == {1, 3}
    assert found(client, "SEARCH NOT OR FROM a1 NOT UNDELETED") == {3, 4}


@pytest.mark.parametrize("seed", range(3))
def test_r13_flags_are_searched_as_they_are(server: Server, seed: int) -> None:
    """An oracle knows the flags; UIDs and sequence numbers differ."""
    chance = random.Random(seed)
    client = server.client()
    append(client, message(0), flags="(\\Deleted)")
    client.do("EXPUNGE")
    oracle: dict[int, set[str]] = {}
    for uid in range(2, 32):
        oracle[uid] = {flag for flag in FLAGS if chance.random() < 0.4}
        append(client, message(uid), flags=f"({' '.join(sorted(oracle[uid]))})")
    for flag in FLAGS:
        name = flag.strip("\\").upper()
        for key, has in ((name, True), ("UN" + name, False)):
            key = key.replace("UN$JUNK", "UNKEYWORD $JUNK").replace("$JUNK", "KEYWORD $Junk")
            key = key.replace("UNKEYWORD KEYWORD", "UNKEYWORD")
            uids = {uid for uid, flags in oracle.items() if (flag in flags) is has}
            assert found(client, f"UID SEARCH {key}") == uids
            assert found(client, f"SEARCH {key}") == {uid - 1 for uid in uids}


def test_r14_an_answer_comes_though_nothing_is_found(server: Server) -> None:
    client = server.client()
    for command in ("SEARCH ALL", "UID SEARCH ALL", "SEARCH 5:9", "UID SEARCH UID 99", "SEARCH *"):
        assert client.do(command) == [b"* SEARCH", b"t OK Done"]


def test_r24_the_star_is_the_last_one(server: Server) -> None:
    client, other = server.client(), server.client()
    for number in range(1, 4):
        append(client, message(number))
    for numbers in ("9:*", "*:9", "*"):
        assert client.do(f"UID FETCH {numbers} (UID)")[0] == b"* 3 FETCH (UID 3)"
        assert found(client, f"UID SEARCH UID {numbers}") == {3}
    assert len(client.do("UID FETCH 2:* (UID)")) == 3
    other.do("SELECT Trash")
    append(other, message(4), "Trash")
    assert other.do("UID MOVE 1 INBOX")[-1].startswith(b"t OK")
    told = client.do("UID FETCH 4:* (UID)")
    assert b"* 4 FETCH (UID 4)" in told or b"* 4 EXISTS" in told, told
    assert client.do("UID FETCH 4:* (UID)")[0] == b"* 4 FETCH (UID 4)"
