"""SORT and THREAD of two servers: which messages one has elsewhere than the other."""

import re
from collections.abc import Iterator, Sequence, Set
from difflib import SequenceMatcher

KEYS = ("ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO")
ALGORITHMS = ("ORDEREDSUBJECT", "REFERENCES", "REFS")

_TOKEN = re.compile(rb"\d+|[()]")


def sorted_numbers(answer: bytes) -> list[int]:
    """The numbers of the one SORT response."""
    (found,) = re.findall(rb"^\* SORT([ \d]*)\r\n", answer, re.MULTILINE)
    return list(map(int, found.split()))


def threads(answer: bytes) -> dict[int, int]:
    """Each message and its parent, in the order of the one THREAD response.

    Parents are 0 for roots, and below 0 for children of a dummy: another number for each.
    """
    (found,) = re.findall(rb"^\* THREAD ?(.*)\r\n", answer, re.MULTILINE)
    parents: dict[int, int] = {}
    open_: list[int] = []
    current = dummies = 0
    for token in _TOKEN.findall(found):
        if token == b"(":
            if open_ and current == 0:
                current = dummies = dummies - 1
            open_.append(current)
        elif token == b")":
            current = open_.pop()
        else:
            parents[int(token)] = current
            current = int(token)
    return parents


def together(answer: bytes, among: Set[int]) -> dict[int, frozenset[int]]:
    """For each message of some, those of them that are in its thread."""
    parents = threads(answer)
    threads_of: dict[int, int] = {}
    for number, parent in parents.items():
        threads_of[number] = number if parent == 0 else threads_of.get(parent, parent)
    found: dict[int, set[int]] = {}
    for number in among:
        found.setdefault(threads_of[number], set()).add(number)
    return {number: frozenset(found[threads_of[number]]) for number in among}


def elsewhere(ours: Sequence[int], theirs: Sequence[int]) -> Iterator[int]:
    """The messages to take out of both so that the others are in the same order."""
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    kept: set[int] = set()
    for block in matcher.get_matching_blocks():
        kept.update(ours[block.a : block.a + block.size])
    yield from (number for number in ours if number not in kept)
