"""The threads of THREAD (RFC 5256 §3).

Messages are numbers from 0 in the order of their sequence numbers, their keys are in parallel
sequences. Nothing here recurses: a thread may be as deep as a mailbox is long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.query.forest import NONE, Forest


@dataclass(frozen=True, slots=True)
class Threads:
    """Siblings in the order in which they are told; numbers that are no message's are dummies."""

    roots: list[int]
    children: dict[int, list[int]]
    """Of those that have any. A dummy is a root and has at least two."""


class References:
    """Step 1 of REFERENCES: who is whose parent. It takes one message after another.

    What it has taken may be part of a longer mailbox, so more can be added at any time.
    """

    def __init__(self) -> None:
        self._by_id: dict[bytes, int] = {}
        self._forest = Forest()
        self._messages: list[int] = []
        """Of each node; none for a dummy."""
        self._nodes: list[int] = []
        """Of each message."""

    @property
    def nodes(self) -> int:
        """How many messages and dummies there are."""
        return len(self._messages)

    def add(self, ids: Sequence[bytes]) -> None:
        """Takes the next message: its own ID, b"" for none, and what it refers to, oldest first."""
        by_id, forest = self._by_id, self._forest
        parents = forest.parents
        above = NONE
        for reference in ids[1:]:
            node = by_id.get(reference, NONE)
            if node == NONE:
                by_id[reference] = node = self._node(NONE)
            # 1.A: a link that is there already stays, for a References field may be cut short.
            if above != NONE and parents[node] == NONE:
                forest.link(node, above)
            above = node
        node = self._own_node(ids[0])
        # 1.B: what the message itself says of its parent counts.
        if parents[node] != above:
            if parents[node] != NONE:
                forest.cut(node)
            if above != NONE:
                forest.link(node, above)

    def _own_node(self, own: bytes) -> int:
        """The node of the next message: its ID's, unless it has none or another came first."""
        message = len(self._nodes)
        node = self._by_id.get(own, NONE) if own else NONE
        if node != NONE and self._messages[node] == NONE:
            self._messages[node] = message
        elif own and node == NONE:
            self._by_id[own] = node = self._node(message)
        else:
            node = self._node(message)
        self._nodes.append(node)
        return node

    def _node(self, message: int) -> int:
        self._messages.append(message)
        return self._forest.add()

    def kept_parents(self) -> list[int]:
        """Step 3: the parent of each message without the dummies between; none for roots.

        A dummy above which no message is stays: as its number of node behind the messages.
        """
        parents, messages, count = self._forest.parents, self._messages, len(self._nodes)
        lifted: dict[int, int] = {}
        found = []
        for node in self._nodes:
            above = parents[node]
            if above == NONE:
                found.append(NONE)
                continue
            message = messages[above]
            if message == NONE:
                message = self._lift(above, count, lifted)
            found.append(message)
        return found

    def _lift(self, dummy: int, count: int, lifted: dict[int, int]) -> int:
        """The nearest message above a dummy, else the highest dummy, behind `count` messages."""
        passed = []
        while (found := lifted.get(dummy, NONE)) == NONE:
            passed.append(dummy)
            above = self._forest.parents[dummy]
            if above == NONE:
                found = count + dummy
                break
            found = self._messages[above]
            if found != NONE:
                break
            dummy = above
        lifted.update(dict.fromkeys(passed, found))
        return found

    @property
    def first_free(self) -> int:
        """The first number that is neither a message's nor a dummy's."""
        return len(self._nodes) + len(self._messages)


def by_subject(sent: Sequence[int], subjects: Sequence[bytes]) -> Threads:
    """ORDEREDSUBJECT."""
    children: dict[int, list[int]] = {}
    roots: dict[bytes, int] = {}
    for message in _by_date(sent):
        root = roots.setdefault(subjects[message], message)
        if root != message:
            children.setdefault(root, []).append(message)
    return Threads(list(roots.values()), children)


def by_references(
    linked: References, sent: Sequence[int], subjects: Sequence[bytes], replies: Sequence[int]
) -> Threads:
    """REFERENCES, from step 2 on."""
    order = _by_date(sent)
    threads = _gathered(linked, order)
    return _Subjects(threads, order, subjects, replies).merged(linked.first_free)


def by_refs(linked: References, sent: Sequence[int], arrived: Sequence[int]) -> Threads:
    """REFS: as REFERENCES, but subjects mean nothing, and a thread is as new as its newest message.

    Of two that came in the same second the one with the higher sequence number is the newer.
    """
    threads = _gathered(linked, _by_date(sent))
    children, count = threads.children, len(sent)
    newest = {}
    for root in threads.roots:
        found, ahead = (0, NONE), [root]
        while ahead:
            node = ahead.pop()
            if node < count:
                found = max(found, (arrived[node], node))
            ahead += children.get(node, ())
        newest[root] = found
    return Threads(sorted(threads.roots, key=newest.__getitem__), children)


def _by_date(sent: Sequence[int]) -> list[int]:
    return sorted(range(len(sent)), key=sent.__getitem__)


def _gathered(linked: References, order: Sequence[int]) -> Threads:
    """Steps 2 to 4, and 6 as far as subjects change nothing.

    Taken in the order of their dates, messages come to their siblings in it, and a dummy to the
    roots where its first child would be.
    """
    parents, count = linked.kept_parents(), len(order)
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    for message in order:
        parent = parents[message]
        if parent == NONE:
            roots.append(message)
        elif (siblings := children.get(parent)) is not None:
            siblings.append(message)
        else:
            children[parent] = [message]
            if parent >= count:
                roots.append(parent)
    alone = [root for root in roots if root >= count and len(children[root]) == 1]
    promoted = {dummy: children.pop(dummy)[0] for dummy in alone}
    return Threads([promoted.get(root, root) for root in roots], children)


class _Subjects:
    """Step 5: threads whose subjects are the same become one; then step 6 for what that changed."""

    def __init__(
        self,
        threads: Threads,
        order: Sequence[int],
        subjects: Sequence[bytes],
        replies: Sequence[int],
    ) -> None:
        self._roots, self._children = threads.roots, threads.children
        self._order, self._count = order, len(order)
        self._subjects, self._replies = subjects, replies

    def merged(self, first_free: int) -> Threads:
        """The threads; dummies that are made here have numbers from `first_free` on."""
        children, count, replies = self._children, self._count, self._replies
        of_roots = [self._subjects[self._first(root)] for root in self._roots]
        table = self._table(of_roots)
        gone: set[int] = set()
        changed: set[int] = set()
        made: list[int] = []
        for root, subject in zip(self._roots, of_roots, strict=True):
            held = table.get(subject, root)
            if held == root:
                continue
            if held >= count:
                children[held] += children.pop(root) if root >= count else [root]
            elif replies[root] and not replies[held]:
                children.setdefault(held, []).append(root)
            else:
                gone.add(held)
                dummy = first_free + len(made)
                children[dummy] = [held, root]
                made.append(dummy)
                table[subject] = held = dummy
            gone.add(root)
            changed.add(held)
        if not gone:
            return Threads(self._roots, children)
        return self._sorted([root for root in (*self._roots, *made) if root not in gone], changed)

    def _table(self, of_roots: Sequence[bytes]) -> dict[bytes, int]:
        """Steps 5.A and 5.B: to each subject but the empty one the thread that others join."""
        table: dict[bytes, int] = {}
        for root, subject in zip(self._roots, of_roots, strict=True):
            held = table.setdefault(subject, root)
            if held < self._count and (
                root >= self._count or (self._replies[held] and not self._replies[root])
            ):
                table[subject] = root
        table.pop(b"", None)
        return table

    def _sorted(self, roots: list[int], changed: set[int]) -> Threads:
        """Step 6: the siblings that have become more, and the roots by what is now their first."""
        ranks = [0] * self._count
        for rank, message in enumerate(self._order):
            ranks[message] = rank
        for parent in changed:
            self._children[parent].sort(key=ranks.__getitem__)
        roots.sort(key=lambda root: ranks[self._first(root)])
        return Threads(roots, self._children)

    def _first(self, root: int) -> int:
        """The message that stands for a thread: its root, or a dummy's first child."""
        return root if root < self._count else self._children[root][0]
