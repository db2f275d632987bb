"""LIST and LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 9590)."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.imap.commands.metadata import parse_entries
from bridge.imap.commands.status import parse_items
from bridge.imap.grammar import Cursor, NotAName, OverLimit, SyntaxFault

SELECT_OPTIONS = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
RETURN_OPTIONS = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS", "METADATA"})
MAX_PATTERNS = 100
"""Of one command: each is tried on each name."""


@dataclass(frozen=True, slots=True)
class List:
    """LIST. Patterns that no name can match are left out (RFC 5258 §3).

    `extended` says whether any of the three forms that RFC 5258 §1 adds was used. `returns` holds
    what `selects` implies too; `status` are the items of the option STATUS, `metadata` the entries
    of METADATA, without it none.
    """

    patterns: tuple[str, ...]
    extended: bool = False
    selects: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()

    @property
    def delimiter(self) -> bool:
        """Whether the hierarchy delimiter is asked for, and no mailbox (RFC 9051 §6.3.9)."""
        return not self.extended and self.patterns == ("",)


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB; `pattern` None where it spells nothing and so matches no name."""

    pattern: str | None


def parse_list(cursor: Cursor) -> List:
    """The arguments of LIST; the reference goes before each pattern."""
    cursor.space()
    extended = cursor.peek(b"(")
    selects = _options(cursor, SELECT_OPTIONS) if extended else {}
    if extended:
        cursor.space()
    if "RECURSIVEMATCH" in selects and "SUBSCRIBED" not in selects:
        # RFC 5258 §6: list-select-mod-opt needs a list-select-base-opt, which SPECIAL-USE isn't.
        raise SyntaxFault("RECURSIVEMATCH needs SUBSCRIBED beside it")
    reference = cursor.astring()
    cursor.space()
    several = cursor.peek(b"(")
    written = _patterns(cursor) if several else [cursor.list_mailbox()]
    returns: dict[str, tuple[str, ...]] = {}
    asks = cursor.skip(b" RETURN ")
    if asks:
        returns = _options(cursor, RETURN_OPTIONS)
    extended = extended or several or asks
    if not extended and not written[0]:
        return List(("",))
    return List(
        patterns=tuple(_matchable(cursor, reference, written)),
        extended=extended,
        selects=frozenset(selects),
        returns=frozenset(returns) | (frozenset(selects) & {"SUBSCRIBED", "SPECIAL-USE"}),
        status=returns.get("STATUS", ()),
        metadata=returns.get("METADATA", ()),
    )


def parse_lsub(cursor: Cursor) -> Lsub:
    """The arguments of LSUB; the reference goes before the pattern."""
    cursor.space()
    reference = cursor.astring()
    cursor.space()
    pattern = cursor.list_mailbox()
    if not pattern:
        return Lsub("")
    return Lsub(next(iter(_matchable(cursor, reference, [pattern])), None))


def _patterns(cursor: Cursor) -> list[bytes]:
    cursor.expect(b"(")
    patterns = [cursor.list_mailbox()]
    while not cursor.skip(b")"):
        cursor.space()
        patterns.append(cursor.list_mailbox())
        if len(patterns) > MAX_PATTERNS:
            raise OverLimit(f"LIST takes at most {MAX_PATTERNS} patterns")
    return patterns


def _matchable(cursor: Cursor, reference: bytes, patterns: list[bytes]) -> list[str]:
    """The patterns behind their reference; empty ones and those in no charset match nothing."""
    found = []
    for pattern in filter(None, patterns):
        try:
            found.append(cursor.name_of(reference + pattern))
        except NotAName:
            continue
    return found


def _options(cursor: Cursor, known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """ "(" [option *(SP option)] ")", each once, with the arguments of those that have some."""
    cursor.expect(b"(")
    options: dict[str, tuple[str, ...]] = {}
    first = True
    while not cursor.skip(b")"):
        if not first:
            cursor.space()
        first = False
        name = cursor.word()
        if name not in known:
            raise SyntaxFault(f"Unknown LIST option {name[:40]}")
        read = _ARGUMENTS.get(name)
        if read is not None:
            cursor.space()
        options[name] = () if read is None else read(cursor)
    return options


_ARGUMENTS: dict[str, Callable[[Cursor], tuple[str, ...]]] = {
    "STATUS": parse_items,
    "METADATA": parse_entries,
}
