"""SORT and THREAD beside Dovecot: each message that it has elsewhere is in a table, with why.

What ENVELOPE or RFC822.SIZE says otherwise is judged in `verdicts.py`, so that messages which
differ in what a key is made of are left out of its order. Of threads only is compared who is in
one: what comes first there hangs on dates.
"""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.corpus.all import messages
from tests.corpus.build import Odd
from tests.differential import compare
from tests.differential.orders import ALGORITHMS, KEYS, elsewhere, sorted_numbers, together
from tests.differential.peers import Bridge, Debian, Peer, append_all
from tests.differential.structure import Items
from tests.e2e.dovecot import need_dovecot

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]

_MADE_OF = {
    "CC": "ENVELOPE cc",
    "DISPLAYFROM": "ENVELOPE from",
    "DISPLAYTO": "ENVELOPE to",
    "FROM": "ENVELOPE from",
    "SIZE": "RFC822.SIZE",
    "SUBJECT": "ENVELOPE subject",
    "TO": "ENVELOPE to",
}


VERDICTS: dict[str, dict[str, tuple[str, ...]]] = {
    "DATE": {
        "RFC 5256 §2.2: if the time is also invalid, it SHOULD be treated as 00:00:00": (
            "date: dots in the time",
            "date: hour 24",
            "date: minute 99",
            "date: without time",
            "mutation 024: cut",
        ),
        "RFC 5256 §2.2: if the time zone is invalid, the date and time SHOULD be treated as UTC": (
            "date: zone +9999",
        ),
        "RFC 5256 §2.2: the INTERNALDATE is for what cannot be parsed; obsolete forms (RFC 5322 "
        "§4.3) and what lacks nothing but punctuation can": (
            "date: comment not closed",
            "date: dashes",
            "date: long weekday",
            "date: no comma",
            "date: quoted",
            "date: three-digit year",
        ),
        "RFC 5256 §3: earlier dates sort before later dates, before 1970 too; RFC 5322 §4.3: two "
        "digits from 50 on are of the last century": (
            "date: two-digit year 50",
            "date: two-digit year 69",
            "date: year 1",
            "date: year 1899",
            "date: year 1969",
        ),
    },
    "DISPLAYFROM": {
        "RFC 5957 §3: mailbox and host as they are, where Dovecot sorts by MISSING_DOMAIN": (
            "address: empty domain",
            "address: no domain",
            "address: no domain in angles",
            "address: only an at sign",
        ),
        "RFC 5255 §4.6: what can be converted is collated as text: 8-bit names are": (
            "address: latin-1 name",
            "header: raw 8-bit everywhere",
        ),
    },
    "DISPLAYTO": {
        "RFC 5255 §4.6: what can be converted is collated as text: 8-bit names are": (
            "address list: raw 8-bit names",
            "header: raw UTF-8 everywhere",
        ),
    },
    "FROM": {
        "RFC 5256 §3: what is absent is the empty string, where Dovecot sorts by MISSING_MAILBOX": (
            "address: name and empty angles",
            "address: only a quoted string",
            "address: only an at sign",
            "address: two words without angles",
        ),
    },
    "SUBJECT": {
        "RFC 5255 §4.6: what can be converted is collated as text: 8-bit subjects are": (
            "header: raw 8-bit everywhere",
            "subject: UTF-8",
            "subject: latin-1",
        ),
        "RFC 2231 §5: a language behind the charset is part of an encoded word": (
            "subject: word with language",
        ),
        "RFC 5255 §4.6: where decoding fails the order is the implementation's": (
            "subject: word of unknown charset",
            "subject: word with broken base64",
            "subject: word without charset",
        ),
    },
}
"""Messages that Dovecot has elsewhere, and the rule by which they are where they are here."""


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    need_dovecot()
    odds = messages()
    bridge = Bridge(tmp_path_factory.mktemp("orders"))
    try:
        dovecot = Debian()
        try:
            for peer in (bridge, dovecot):
                append_all(peer, odds)
            return dict(_compared(bridge, dovecot, odds))
        finally:
            dovecot.close()
    finally:
        bridge.close()


def _compared(
    bridge: Peer, dovecot: Peer, odds: Sequence[Odd]
) -> Iterator[tuple[str, frozenset[str]]]:
    ours, theirs = (
        {number: compare.seen(found).items for number, found in compare.basics(peer).items()}
        for peer in (bridge, dovecot)
    )
    for key in KEYS:
        same = _same(ours, theirs, _MADE_OF.get(key, ""))
        mine, yours = (
            sorted_numbers(peer.ask(f"SORT ({key}) UTF-8 ALL".encode()).octets)
            for peer in (bridge, dovecot)
        )
        mine, yours = ([number for number in one if number in same] for one in (mine, yours))
        yield key, frozenset(odds[number - 1].name for number in elsewhere(mine, yours))
    odd_subjects = {name for names in VERDICTS["SUBJECT"].values() for name in names}
    same = _same(ours, theirs, "ENVELOPE subject") & _same(ours, theirs, "ENVELOPE message-id")
    same -= {number for number, odd in enumerate(odds, 1) if odd.name in odd_subjects}
    for algorithm in ALGORITHMS:
        one, other = (
            together(peer.ask(f"THREAD {algorithm} UTF-8 ALL".encode()).octets, same)
            for peer in (bridge, dovecot)
        )
        yield algorithm, frozenset(odds[n - 1].name for n in same if one[n] != other[n])


def _same(ours: Mapping[int, Items], theirs: Mapping[int, Items], item: str) -> set[int]:
    return {number for number in ours if ours[number].get(item) == theirs[number].get(item)}


@pytest.mark.parametrize("key", [*KEYS, *ALGORITHMS])
def test_what_stands_elsewhere_has_a_rule(orders: Mapping[str, frozenset[str]], key: str) -> None:
    judged = {name for names in VERDICTS.get(key, {}).values() for name in names}
    assert orders[key] == judged
