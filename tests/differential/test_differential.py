"""Every difference from Dovecot is judged, and every judgement is of a difference."""

from collections.abc import Iterable, Iterator

import pytest

from tests.corpus.all import messages
from tests.differential.compare import Difference
from tests.differential.run import Outcome, run
from tests.differential.verdicts import KNOWN_BUGS, VERDICTS, Cause
from tests.e2e.dovecot import need_dovecot

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(900)]
SHOWN = 40


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    need_dovecot()
    return run(tmp_path_factory.mktemp("differential"), messages())


def test_every_difference_is_judged(outcome: Outcome) -> None:
    assert outcome.messages >= 300
    assert outcome.queries >= 200
    judged = (*VERDICTS, *KNOWN_BUGS)
    new = [d for d in outcome.differences if not any(_names(one, d) for one in judged)]
    assert not new, _shown("differs from Dovecot and is in no entry of verdicts.py", new)


def test_popbridge_does_not_contradict_itself(outcome: Outcome) -> None:
    new = [d for d in outcome.faults if not any(_names(one, d) for one in KNOWN_BUGS)]
    assert not new, _shown("is said in two ways", new)


def test_every_entry_still_differs(outcome: Outcome) -> None:
    found = (*outcome.differences, *outcome.faults)
    stale = [
        f"{message} | {pattern}: no longer differs, to be taken out of: {one.what}"
        for one in (*VERDICTS, *KNOWN_BUGS)
        for message, pattern in _entries(one)
        if not any(d.message == message and _covers(pattern, d.item) for d in found)
    ]
    assert not stale, "\n".join(stale)


def test_combined_keys_mean_what_their_parts_mean(outcome: Outcome) -> None:
    assert not outcome.algebra


def test_known_bugs_are_counted(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {
        one.what: sum(_names(one, d) for d in (*outcome.differences, *outcome.faults))
        for one in KNOWN_BUGS
    }
    assert all(counts.values())
    with capsys.disabled():
        verdicts = sum(len(one.items) for one in VERDICTS)
        print(f"\n{outcome.messages} messages, {outcome.queries} searches beside Dovecot: ", end="")
        print(f"{verdicts} judged for us by {len(VERDICTS)} rules, {len(counts)} known bugs")
        for cause, count in counts.items():
            print(f"  known bug, {count} items: {cause}")


def _entries(one: Cause) -> Iterator[tuple[str, str]]:
    for message, patterns in one.items.items():
        yield from ((message, pattern) for pattern in patterns)


def _names(one: Cause, difference: Difference) -> bool:
    patterns = one.items.get(difference.message, ())
    return any(_covers(pattern, difference.item) for pattern in patterns)


def _covers(pattern: str, item: str) -> bool:
    return item.startswith(pattern[:-1]) if pattern.endswith("*") else item == pattern


def _shown(what: str, found: Iterable[Difference]) -> str:
    lines = [
        f"{d.message} | {d.item}\n    ours    {_short(d.ours)}\n    theirs  {_short(d.theirs)}"
        for d in found
    ]
    return f"{len(lines)} items: {what}\n" + "\n".join(lines[:SHOWN])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 400 else f"{text[:400]}…"
