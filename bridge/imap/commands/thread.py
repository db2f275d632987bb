"""THREAD (RFC 5256 §3; REFS: draft-ietf-morg-inthread)."""

from dataclasses import dataclass

from bridge.imap.commands.search import parse_criteria
from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.model.search import SearchKey
from bridge.model.sort import ThreadAlgorithm

_ALGORITHMS = {algorithm.value: algorithm for algorithm in ThreadAlgorithm}


@dataclass(frozen=True, slots=True)
class Thread:
    """THREAD, or UID THREAD; `modseq` says that a key asks for it."""

    algorithm: ThreadAlgorithm
    key: SearchKey
    uid: bool
    modseq: bool


def parse_thread(cursor: Cursor, *, uid: bool) -> Thread:
    """The arguments of THREAD."""
    cursor.space()
    word = cursor.word()
    if word not in _ALGORITHMS:
        raise SyntaxFault(f"There is no threading algorithm {word[:40]}")
    cursor.space()
    key, modseq = parse_criteria(cursor)
    return Thread(_ALGORITHMS[word], key, uid, modseq)
