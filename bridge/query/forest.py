"""Trees of nodes in which no link makes a loop: parents and children of THREAD=REFERENCES."""

NONE = -1
NEAR = 64
"""So far a node's ancestors are looked at one after another; hardly any thread is that deep."""


class Forest:
    """Nodes are numbers from 0. `parents` is to be read only."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self._had_children = bytearray()
        self._roots: _Roots | None = None

    def add(self) -> int:
        """A new node, a root."""
        self.parents.append(NONE)
        self._had_children.append(0)
        if self._roots is not None:
            self._roots.add()
        return len(self.parents) - 1

    def link(self, root: int, above: int) -> None:
        """Makes `above` the parent of a root, unless it is that root or below it."""
        if self._is_in_tree_of(root, above):
            return
        self.parents[root] = above
        self._had_children[above] = 1
        if self._roots is not None:
            self._roots.link(root, above)

    def cut(self, node: int) -> None:
        """Makes a node a root, with all that is below it."""
        if self._roots is not None:
            self._roots.cut(node)
        self.parents[node] = NONE

    def _is_in_tree_of(self, root: int, other: int) -> bool:
        """Whether the ancestors of `other`, itself included, end in `root`."""
        if not self._had_children[root]:
            return root == other
        parents = self.parents
        for _ in range(NEAR):
            above = parents[other]
            if above == NONE:
                return other == root
            other = above
        if self._roots is None:
            self._roots = _Roots(parents)
        return self._roots.of(other) == root


class _Roots:
    """The root of any node in logarithmic time, however deep it is: a link-cut tree.

    Walking up would take the square of a mailbox's length where somebody means ill. Each path of
    the forest is a search tree by depth (a splay tree), whose root points up to the node that the
    path hangs from; to reach a node makes the path from its root to it one such tree
    (D. Sleator, R. Tarjan, "A data structure for dynamic trees", 1983). It is made when a deep
    thread asks for it, out of paths of one node each.
    """

    def __init__(self, parents: list[int]) -> None:
        self._up = parents[:]
        self._left = [NONE] * len(parents)
        self._right = [NONE] * len(parents)

    def add(self) -> None:
        self._up.append(NONE)
        self._left.append(NONE)
        self._right.append(NONE)

    def of(self, node: int) -> int:
        self._reach(node)
        while self._left[node] != NONE:
            node = self._left[node]
        self._splay(node)
        return node

    def link(self, root: int, above: int) -> None:
        self._reach(root)
        self._up[root] = above

    def cut(self, node: int) -> None:
        self._reach(node)
        above = self._left[node]
        if above != NONE:
            self._up[above] = self._left[node] = NONE

    def _reach(self, node: int) -> None:
        below, at = NONE, node
        while at != NONE:
            self._splay(at)
            self._right[at] = below
            below, at = at, self._up[at]
        self._splay(node)

    def _is_top(self, node: int) -> bool:
        above = self._up[node]
        return above == NONE or node not in (self._left[above], self._right[above])

    def _splay(self, node: int) -> None:
        up, left = self._up, self._left
        while not self._is_top(node):
            above = up[node]
            if not self._is_top(above):
                same = (left[up[above]] == above) == (left[above] == node)
                self._rotate(above if same else node)
            self._rotate(node)

    def _rotate(self, node: int) -> None:
        """Puts a node above the one that it is a child of."""
        up, left, right = self._up, self._left, self._right
        above = up[node]
        top, over = self._is_top(above), up[above]
        if left[above] == node:
            inner = left[above] = right[node]
            right[node] = above
        else:
            inner = right[above] = left[node]
            left[node] = above
        if inner != NONE:
            up[inner] = above
        up[above], up[node] = node, over
        if not top:
            (left if left[over] == above else right)[over] = node
