"""Finds the parts of a message by octet offset: fed in chunks, iterative, linear, never raising.

It looks at line starts only, and of those at the few that can matter: blank lines while in a
header, lines that start with "--" while a boundary is open. All else is skipped by C searches.
"""

import re
from enum import Enum, auto

from bridge.mime.tree import IDENTITY, MESSAGE, MESSAGE_TYPES, OPAQUE, TEXT_PLAIN, Node

MAX_DEPTH = 100
"""Deeper entities stay opaque leaves: nesting beyond this is an attack on recursive clients."""

MAX_PARTS = 10_000
"""Later parts are left inside the multipart, unlisted; the octets are all still there."""

MAX_HEADER_OCTETS = 1 << 20
"""Of a longer header the rest is skipped over, not kept; subjects of 0.7 MB exist."""

MAX_HEADERS_OCTETS = 4 << 20
"""Of all headers together; what parts have beyond it is skipped over, so that memory is bounded."""

MAX_TEXT_OCTETS = 2 << 20
"""Raw text kept of one message, for search and preview."""

MAX_BOUNDARY_OCTETS = 1000
"""RFC 2046 §5.1.1 allows 70; longer ones are met, endless ones are refused."""

_DECISIVE_OCTETS = 4096
"""A line's first octets decide whether it is a boundary, so that chunking can't matter."""

_HEADER_STOP = re.compile(rb"\n(?=\r?\n|--)")


class _State(Enum):
    HEADER = auto()
    BODY = auto()
    DELIMITER = auto()


class Scanner:
    """Feed chunks, then `finish`. Any chunking gives the same tree (RFC 2046 §5.1)."""

    def __init__(self) -> None:
        self._root = Node(0, TEXT_PLAIN)
        self._open = [self._root]
        self._state = _State.HEADER
        self._line_start = True
        self._rest = b""
        self._base = 0
        self._lf = 0
        self._before = b""
        self._header = bytearray()
        self._headers_left = MAX_HEADERS_OCTETS
        self._text_left = MAX_TEXT_OCTETS
        self._parts = 1
        self._delimiters: tuple[bytes, ...] = ()
        self._longest = 0
        self._opens_part = False

    @property
    def header_end(self) -> int | None:
        """Where the message's own header ends, once that is known."""
        in_header = self._state is _State.HEADER and len(self._open) == 1
        return None if in_header else self._root.header_end

    def feed(self, chunk: bytes) -> None:
        """Takes the next octets."""
        self._scan(self._rest + chunk if self._rest else chunk, final=False)

    def finish(self) -> Node:
        """The message's root node, every open entity ended where the octets end."""
        self._scan(self._rest, final=True)
        while self._state is _State.HEADER:
            self._end_header(self._base)
        for node in self._open:
            node.end, node.end_lf = self._base, self._lf
        self._root.settle()
        return self._root

    def _scan(self, octets: bytes, *, final: bool) -> None:
        position: int | None = 0
        while position is not None and position < len(octets):
            self._mark = position
            if self._state is _State.DELIMITER:
                position = self._pass_delimiter(octets, position)
            elif self._line_start:
                position = self._start_of_line(octets, position, final)
            else:
                position = self._skip(octets, position, final)
        if position is None:
            self._rest = octets[self._mark :]
        else:
            self._rest = b""

    def _consume(self, octets: bytes, start: int, end: int) -> int:
        """Moves past [start, end), keeping what the current state keeps."""
        if end > start:
            self._base += end - start
            self._lf += octets.count(b"\n", start, end)
            if end - start >= 2:
                self._before = octets[end - 2 : end]
            else:
                self._before = self._before[-1:] + octets[start:end]
            if self._state is _State.HEADER:
                self._keep_header(octets[start:end])
            elif self._state is _State.BODY and self._text_left and self._open[-1].readable:
                self._keep_text(octets[start:end])
        return end

    def _keep_header(self, piece: bytes) -> None:
        taken = piece[: min(MAX_HEADER_OCTETS - len(self._header), self._headers_left)]
        self._header += taken
        self._headers_left -= len(taken)

    def _keep_text(self, piece: bytes) -> None:
        taken = piece[: self._text_left]
        self._open[-1].text += taken
        self._text_left -= len(taken)

    def _skip(self, octets: bytes, position: int, final: bool) -> int | None:
        """To the next line start that can matter."""
        if self._state is _State.BODY and not self._delimiters:
            return self._consume(octets, position, len(octets))
        found = self._stop(octets, position)
        if found >= 0:
            self._line_start = True
            return self._consume(octets, position, found + 1)
        if final:
            return self._consume(octets, position, len(octets))
        newline = octets.rfind(b"\n", max(position, len(octets) - 2))
        keep = newline if newline >= 0 else len(octets)
        self._mark = self._consume(octets, position, keep)
        return None if keep < len(octets) else keep

    def _stop(self, octets: bytes, position: int) -> int:
        """The next line end with a line behind it that can matter, or -1.

        Lines that only look like delimiters are passed here, as a part may have nothing else.
        """
        decided = len(octets) - self._longest
        while True:
            if self._state is _State.BODY:
                found = octets.find(b"\n--", position)
            else:
                stop = _HEADER_STOP.search(octets, position)
                found = stop.start() if stop else -1
            position = found + 1
            if found < 0 or position > decided or not octets.startswith(b"--", position):
                return found
            if octets.startswith(self._delimiters, position):
                return found

    def _start_of_line(self, octets: bytes, position: int, final: bool) -> int | None:
        head = octets[position : position + 2]
        if self._state is _State.HEADER:
            if head[:1] == b"\n" or head == b"\r\n":
                end = self._consume(octets, position, position + (1 if head[:1] == b"\n" else 2))
                self._end_header(self._base)
                return end
            if head == b"\r" and not final:
                return None
        if head == b"-" and not final:
            return None
        if head == b"--" and self._delimiters:
            newline = octets.find(b"\n", position, position + _DECISIVE_OCTETS)
            if newline < 0 and not final and len(octets) - position < _DECISIVE_OCTETS:
                return None
            stop = newline if newline >= 0 else position + _DECISIVE_OCTETS
            if self._delimiter(octets[position + 2 : stop]):
                self._state = _State.DELIMITER
                return position
        self._line_start = False
        return position

    def _delimiter(self, line: bytes) -> bool:
        """Ends and opens entities if `line` is a delimiter of an open multipart.

        The boundary need only be the line's beginning (RFC 2046 §5.1.1); of several that are,
        the longest is meant.
        """
        owner, size = -1, -1
        for index, node in enumerate(self._open):
            boundary = node.boundary
            if boundary is not None and len(boundary) >= size and line.startswith(boundary):
                owner, size = index, len(boundary)
        if owner < 0:
            return False
        if self._state is _State.HEADER:
            self._end_header(self._base, truncated=True)
        self._close_above(owner)
        node = self._open[owner]
        self._opens_part = line[size : size + 2] != b"--"
        if not self._opens_part:
            node.boundary = None
            self._note_delimiters()
        return True

    def _note_delimiters(self) -> None:
        found = {b"--" + node.boundary for node in self._open if node.boundary}
        self._delimiters = tuple(found)
        self._longest = max(map(len, found), default=0)

    def _close_above(self, owner: int) -> None:
        """Ends all entities inside the multipart; the line end before belongs to the delimiter.

        That holds for the blank line of a header too (RFC 2046 §5.1.1 "body-part").
        """
        end, lf = self._base, self._lf
        if self._before.endswith(b"\r\n"):
            end, lf = end - 2, lf - 1
        elif self._before.endswith(b"\n"):
            end, lf = end - 1, lf - 1
        closed = self._open[owner + 1 :]
        if closed:
            # Of two delimiters one behind the other the first keeps its line end.
            end = max(end, closed[0].start)
        for node in closed:
            node.cut(end, lf)
        del self._open[owner + 1 :]
        if any(node.boundary for node in closed):
            self._note_delimiters()

    def _pass_delimiter(self, octets: bytes, position: int) -> int:
        newline = octets.find(b"\n", position)
        if newline < 0:
            return self._consume(octets, position, len(octets))
        end = self._consume(octets, position, newline + 1)
        self._line_start = True
        self._state = _State.BODY
        if self._opens_part and self._parts < MAX_PARTS:
            parent = self._open[-1]
            default = MESSAGE if parent.content_type.word == b"multipart/digest" else TEXT_PLAIN
            self._open_node(Node(self._base, default), parent)
        return end

    def _open_node(self, node: Node, parent: Node) -> None:
        # What stood before the first part is no text of the message.
        self._text_left += len(parent.text)
        parent.text.clear()
        parent.children.append(node)
        self._parts += 1
        self._open.append(node)
        self._header = bytearray()
        self._state = _State.HEADER
        self._line_start = True

    def _end_header(self, end: int, *, truncated: bool = False) -> None:
        node = self._open[-1]
        node.header_end, node.body_lf = end, self._lf
        node.read_header(bytes(self._header))
        self._state = _State.BODY
        self._line_start = True
        if len(self._open) >= MAX_DEPTH:
            self._make_opaque(node)
            return
        word = node.content_type.word
        if word.startswith(b"multipart/"):
            boundary = (node.content_type.parameter(b"boundary") or b"").rstrip(b" \t\r\n")
            if 0 < len(boundary) <= MAX_BOUNDARY_OCTETS:
                node.multipart, node.boundary = True, boundary
                self._note_delimiters()
            else:
                node.content_type = TEXT_PLAIN
        elif (
            word in MESSAGE_TYPES
            and node.encoding in IDENTITY
            and not truncated
            and self._parts < MAX_PARTS
        ):
            self._open_node(Node(end, TEXT_PLAIN), node)

    def _make_opaque(self, node: Node) -> None:
        if node.content_type.word.startswith((b"multipart/", b"message/")):
            node.content_type = OPAQUE
