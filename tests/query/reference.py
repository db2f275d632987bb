"""SEARCH as the RFC says it, one message and one key at a time: slow, and easy to believe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bridge.mime import addresses, headers, words
from bridge.mime.text import header_lines
from bridge.model.numset import NumSet
from bridge.model.search import (
    All,
    And,
    Date,
    HasFlag,
    HasSaveDate,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    ObjectId,
    Or,
    Saved,
    SearchKey,
    Size,
    Text,
    Within,
)
from bridge.query import evaluate
from bridge.query.evaluate import Mask, Stored
from bridge.query.fold import SECTION_END, fold, fold_field
from bridge.query.texts import body_test, header_test, text_test

_ADDRESSED = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message; `flags` in lower case, dates as ISO 8601 text."""

    seq: int
    uid: int
    modseq: int
    flags: frozenset[str]
    size: int = 0
    internal_date: str = ""
    sent_date: str | None = None
    header: bytes = b""
    text: bytes = b""
    savedate: str = ""
    ids: tuple[str | None, str | None] = ("", None)
    """EMAILID and THREADID."""


class Reference:
    """What a key means.

    Args:
        last_seq: what "*" stands for among sequence numbers.
        last_uid: what it stands for among UIDs.
        now: the time, aware.
    """

    def __init__(self, last_seq: int, last_uid: int, now: datetime) -> None:
        self._last_seq = last_seq
        self._last_uid = last_uid
        self._now = now

    def matches(self, key: SearchKey, one: Candidate) -> bool:
        """Whether a message matches."""
        match key:
            case All() | HasSaveDate():
                return True
            case HasFlag():
                return (key.flag.lower() in one.flags) is key.present
            case Numbers():
                last = self._last_uid if key.uid else self._last_seq
                number = one.uid if key.uid else one.seq
                return any(low <= number <= high for low, high in key.numbers.resolve(last))
            case ModSeqAtLeast():
                return one.modseq >= key.modseq
            case Size():
                return one.size > key.octets if key.larger else one.size < key.octets
            case Date():
                return _on_day(key, one.sent_date if key.sent else one.internal_date)
            case Saved():
                return _on_day(key, one.savedate)
            case ObjectId():
                return one.ids[key.item == "THREADID"] == key.value
            case Within():
                target = self._now.replace(microsecond=0) - timedelta(seconds=key.seconds)
                moment = datetime.fromisoformat(one.internal_date).replace(microsecond=0)
                return moment <= target if key.older else moment >= target
            case Header():
                return _in_field(key, one.header)
            case Text():
                return _in_text(key, one)
            case Not():
                return not self.matches(key.key, one)
            case Or():
                return self.matches(key.left, one) or self.matches(key.right, one)
            case And():
                return all(self.matches(inner, one) for inner in key.keys)
            case _:
                assert_never(key)


def _on_day(key: Date | Saved, moment: str | None) -> bool:
    if moment is None:
        return False
    day, wanted = moment[:10], key.day.isoformat()
    if key.relation == "ON":
        return day == wanted
    return day < wanted if key.relation == "BEFORE" else day >= wanted


def _in_field(key: Header, header: bytes) -> bool:
    wanted = fold_field(words.raw_text(key.value))
    values = [field.value for field in headers.fields(header) if field.name == key.name]
    if any(wanted in fold_field(words.decode(value)) for value in values):
        return True
    if key.name not in _ADDRESSED or not values:
        return False
    shown = ", ".join(
        f"{words.decode(one.name or b'')} "
        f"<{words.raw_text(one.mailbox or b'')}@{words.raw_text(one.host or b'')}>"
        for one in addresses.parse(b", ".join(values))
    )
    return wanted in fold_field(shown)


def _in_text(key: Text, one: Candidate) -> bool:
    value = words.raw_text(key.value)
    body, _, tail = one.text.partition(SECTION_END)
    if fold(value) in body:
        return True
    if not key.header:
        return False
    whole = (body, tail, one.text, fold_field(header_lines(one.header)))
    return any(fold(value) in text or fold_field(value) in text for text in whole)


class Listed:
    """Candidates as `bridge.query.evaluate.Messages`."""

    def __init__(self, candidates: Sequence[Candidate], reference: Reference) -> None:
        self._candidates = candidates
        self._reference = reference

    def found(self, key: SearchKey) -> tuple[bool, ...]:
        """For each candidate whether the walk over the key finds it."""
        plan = evaluate.arranged(key)
        mask = evaluate.matching(plan.in_view, self, self._mask(lambda one: True))
        if plan.in_store is not None:
            mask = evaluate.matching(plan.in_store, self, mask)
        octets = mask.to_bytes(len(self._candidates), "little")
        return tuple(map(bool, octets))

    def with_flag(self, flag: str) -> Mask:
        """As `Messages.with_flag`."""
        return self._mask(lambda one: flag in one.flags)

    def numbered(self, numbers: NumSet, *, uid: bool) -> Mask:
        """As `Messages.numbered`."""
        return self._mask(lambda one: self._reference.matches(Numbers(numbers, uid), one))

    def changed(self, modseq: int) -> Mask:
        """As `Messages.changed`."""
        return self._mask(lambda one: one.modseq >= modseq)

    def stored(self, key: Stored, among: Mask) -> Mask:
        """As `Messages.stored`; texts are looked at as popbridge does."""
        assert among
        match key:
            case Header():
                test = header_test(key)
                return self._mask(lambda one: test(one.header))
            case Text() if key.header:
                anywhere = text_test(key)
                return self._mask(lambda one: anywhere(one.header, one.text))
            case Text():
                in_body = body_test(key)
                return self._mask(lambda one: in_body(one.text))
            case _:
                return self._mask(lambda one: self._reference.matches(key, one))

    def _mask(self, test: Callable[[Candidate], bool]) -> Mask:
        return int.from_bytes(bytes(map(test, self._candidates)), "little")
