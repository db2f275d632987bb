"""SORT (RFC 5256 §3, RFC 5957; RETURN: RFC 5267 §3)."""

from dataclasses import dataclass

from bridge.imap.commands.search import parse_criteria, parse_returns
from bridge.imap.grammar import Cursor, OverLimit, SyntaxFault
from bridge.model.search import SearchKey
from bridge.model.sort import Returns, SortCriterion, SortKey

MAX_CRITERIA = 100
"""Each is a pass over what was found, and there are nine keys."""

_KEYS = {key.value: key for key in SortKey}


@dataclass(frozen=True, slots=True)
class Sort:
    """SORT, or UID SORT; the first criterion decides before the next. Else as `Search`."""

    criteria: tuple[SortCriterion, ...]
    key: SearchKey
    uid: bool
    modseq: bool
    returns: Returns | None = None


def parse_sort(cursor: Cursor, *, uid: bool) -> Sort:
    """The arguments of SORT."""
    returns = parse_returns(cursor)
    cursor.space()
    cursor.expect(b"(")
    criteria = [_criterion(cursor)]
    while not cursor.skip(b")"):
        cursor.space()
        criteria.append(_criterion(cursor))
        if len(criteria) > MAX_CRITERIA:
            raise OverLimit(f"A sort has at most {MAX_CRITERIA} criteria")
    cursor.space()
    key, modseq = parse_criteria(cursor, returns)
    return Sort(tuple(criteria), key, uid, modseq, returns)


def _criterion(cursor: Cursor) -> SortCriterion:
    word = cursor.word()
    reverse = word == "REVERSE"
    if reverse:
        cursor.space()
        word = cursor.word()
    if word not in _KEYS:
        raise SyntaxFault(f"There is no sort criterion {word[:40]}")
    return SortCriterion(_KEYS[word], reverse)
