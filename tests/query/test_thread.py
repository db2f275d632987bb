"""Threads against RFC 5256 §3 written down word for word, slowly."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import pytest

from bridge.imap.found import thread_data
from bridge.query.thread import (
    References,
    Threads,
    by_references,
    by_refs,
    by_subject,
)
from tests.effort import cheap


@dataclass(frozen=True)
class Letter:
    """What THREAD looks at."""

    ids: tuple[bytes, ...]
    sent: int = 0
    subject: bytes = b""
    reply: bool = False
    arrived: int = 0


@dataclass(eq=False)
class Node:
    """A message or, without a letter, a dummy."""

    number: int | None = None
    letter: Letter | None = None
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def dummy(self) -> bool:
        return self.letter is None


def link(parent: Node, child: Node) -> None:
    child.parent = parent
    parent.children.append(child)


def unlink(child: Node) -> None:
    if child.parent is not None:
        child.parent.children.remove(child)
        child.parent = None


def makes_loop(parent: Node, child: Node) -> bool:
    node: Node | None = parent
    while node is not None:
        if node is child:
            return True
        node = node.parent
    return False


def step_1(letters: Sequence[Letter]) -> list[Node]:
    """All nodes."""
    nodes: dict[object, Node] = {}
    keys: list[object] = []
    for number, letter in enumerate(letters):
        unique = not letter.ids[0] or letter.ids[0] in nodes
        key: object = number if unique else letter.ids[0]
        nodes[key] = Node(number, letter)
        keys.append(key)
    for key, letter in zip(keys, letters, strict=True):
        chain = []
        for reference in letter.ids[1:]:
            chain.append(nodes.setdefault(reference, Node()))
        for parent, child in pairwise(chain):
            if child.parent is None and not makes_loop(parent, child):
                link(parent, child)
        current = nodes[key]
        unlink(current)
        if chain and not makes_loop(chain[-1], current):
            link(chain[-1], current)
    return list(nodes.values())


def step_3(node: Node, top: bool) -> list[Node]:
    """What stands in the node's place."""
    node.children = [one for child in node.children for one in step_3(child, False)]
    for child in node.children:
        child.parent = node
    if not node.dummy:
        return [node]
    if not node.children:
        return []
    if not top or len(node.children) == 1:
        return node.children
    return [node]


def date_of(node: Node) -> tuple[int, int]:
    if node.letter is None:
        return min(date_of(child) for child in node.children)
    assert node.number is not None
    return node.letter.sent, node.number


def first_of(node: Node) -> Letter:
    """The message that a top-level node is known by."""
    return node.letter or min(node.children, key=date_of).letter or Letter(())


def step_5(roots: list[Node]) -> list[Node]:
    table: dict[bytes, Node] = {}
    for node in roots:
        subject = first_of(node).subject
        if not subject:
            continue
        held = table.get(subject)
        if held is None or (
            held.letter is not None
            and (node.dummy or (held.letter.reply and not first_of(node).reply))
        ):
            table[subject] = node
    subjects = {id(node): first_of(node).subject for node in roots}
    result = list(roots)
    for node in roots:
        subject = subjects[id(node)]
        if not subject or table[subject] is node:
            continue
        held = table[subject]
        result.remove(node)
        joins = first_of(node).reply and not first_of(held).reply
        if held.dummy and node.dummy:
            held.children += node.children
        elif held.dummy or joins:
            held.children.append(node)
        else:
            assert not held.dummy and not node.dummy
            result[result.index(held)] = table[subject] = Node(children=[held, node])
    return result


def step_6(nodes: list[Node]) -> list[object]:
    """Siblings by date, as nested lists: [number or None, *children]."""
    found: list[object] = []
    for node in sorted(nodes, key=date_of):
        found.append([node.number, *step_6(node.children)])
    return found


def slowly(letters: Sequence[Letter]) -> list[object]:
    roots = [node for node in step_1(letters) if node.parent is None]
    roots = [one for node in roots for one in step_3(node, True)]
    roots.sort(key=date_of)
    return step_6(step_5(roots))


def linked(letters: Sequence[Letter]) -> References:
    made = References()
    for letter in letters:
        made.add(letter.ids)
    return made


def quickly(letters: Sequence[Letter]) -> Threads:
    return by_references(
        linked(letters),
        [letter.sent for letter in letters],
        [letter.subject for letter in letters],
        [letter.reply for letter in letters],
    )


def nested(threads: Threads, count: int) -> list[object]:
    def of(node: int) -> object:
        number = node if node < count else None
        return [number, *map(of, threads.children.get(node, ()))]

    return list(map(of, threads.roots))


def any_letters(seed: int) -> list[Letter]:
    chance = random.Random(seed)
    names = [b"%d@x" % n for n in range(chance.choice((3, 6, 12)))]
    subjects = [b"", b"A", b"B", b"C"][: chance.choice((1, 2, 4))]
    return [
        Letter(
            (
                chance.choice((b"", *names)),
                *(chance.choice(names) for _ in range(chance.choice((0, 0, 1, 1, 2, 4)))),
            ),
            chance.randrange(4),
            chance.choice(subjects),
            chance.random() < 0.5,
            chance.randrange(4),
        )
        for _ in range(chance.randrange(14))
    ]


def test_references_are_as_the_rfc_says_step_by_step() -> None:
    for seed in range(4000):
        letters = any_letters(seed)
        assert nested(quickly(letters), len(letters)) == slowly(letters), (seed, letters)


def newest(thread: object, arrived: Sequence[int]) -> tuple[int, int]:
    assert isinstance(thread, list)
    own = [] if thread[0] is None else [(arrived[thread[0]], thread[0])]
    return max((*own, *(newest(child, arrived) for child in thread[1:])))


def test_refs_are_the_same_threads_without_subjects_by_their_newest_message() -> None:
    for seed in range(1000):
        letters = any_letters(seed)
        sent = [letter.sent for letter in letters]
        arrived = [letter.arrived for letter in letters]
        found = nested(by_refs(linked(letters), sent, arrived), len(letters))
        plain = slowly([Letter(one.ids, one.sent) for one in letters])
        plain.sort(key=partial(newest, arrived=arrived))
        assert found == plain, (seed, letters)


def test_ordered_subject_is_a_sort_cut_to_pieces() -> None:
    for seed in range(500):
        letters = any_letters(seed)
        order = sorted(range(len(letters)), key=lambda n: (letters[n].subject, letters[n].sent, n))
        pieces: dict[bytes, list[int]] = {}
        for number in order:
            pieces.setdefault(letters[number].subject, []).append(number)
        threads = sorted(pieces.values(), key=lambda piece: (letters[piece[0]].sent, piece[0]))
        found = by_subject([one.sent for one in letters], [one.subject for one in letters])
        assert nested(found, len(letters)) == [
            [first, *([child] for child in rest)] for first, *rest in threads
        ]


def test_more_messages_are_as_if_they_had_been_there() -> None:
    for seed in range(300):
        letters = any_letters(seed)
        made = linked(letters[: len(letters) // 2])
        for letter in letters[len(letters) // 2 :]:
            made.add(letter.ids)
        assert made.kept_parents() == linked(letters).kept_parents()


EXAMPLES = [
    ("* THREAD", [], {}, 1),
    ("* THREAD (0)(1)", [0, 1], {}, 2),
    ("* THREAD (0 1 2)", [0], {0: [1], 1: [2]}, 3),
    ("* THREAD (0 (1)(2 3))", [0], {0: [1, 2], 2: [3]}, 4),
    ("* THREAD ((0)(1))", [9], {9: [0, 1]}, 2),
    (
        "* THREAD (2)(3 6 (4 23)(44 7 96))",
        [2, 3],
        {3: [6], 6: [4, 44], 4: [23], 44: [7], 7: [96]},
        99,
    ),
    ("* THREAD ((0 (1)(2))(3))(4)", [9, 4], {9: [0, 3], 0: [1, 2]}, 5),
]


@pytest.mark.parametrize(("line", "roots", "children", "count"), EXAMPLES)
def test_threads_are_written(
    line: str, roots: list[int], children: dict[int, list[int]], count: int
) -> None:
    assert thread_data(roots, children, range(count)) == line.encode() + b"\r\n"


COUNT = 20_000


@pytest.mark.parametrize("step", [1, -1])
def test_one_chain_of_all_messages_takes_a_moment(step: int) -> None:
    letters = [
        Letter((b"%d@x" % n, *(b"%d@x" % up for up in range(max(n - 3, 0), n))), n)
        for n in range(COUNT)
    ][::step]
    threads = cheap(1, lambda: quickly(letters))
    line = cheap(1, lambda: thread_data(threads.roots, threads.children, range(COUNT)))
    assert line.count(b"(") == 1
    assert line.count(b" ") == COUNT + 1


def test_a_chain_of_dummies_takes_a_moment() -> None:
    letters = [Letter((b"%d@y" % n, b"%d@x" % n, b"%d@x" % (n + 1)), n) for n in range(COUNT)]
    threads = cheap(1, lambda: quickly(letters))
    assert len(threads.roots) == 1
    assert len(threads.children[threads.roots[0]]) == COUNT


def test_a_thread_that_forks_all_the_way_down_is_written() -> None:
    children = {n: [n + 1, n + 2] for n in range(0, COUNT - 2, 2)}
    line = thread_data([0], children, range(COUNT))
    assert line.count(b"(") == line.count(b")") == COUNT - 1
