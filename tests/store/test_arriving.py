"""Messages that come together are each what they would be had they come one by one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.model.upstream import LedgerState, Listed
from bridge.store.arriving import Added, Arriving
from bridge.store.engine import Store
from bridge.store.ledger import NewRow
from bridge.store.schema import CHUNK_OCTETS
from bridge.store.tx import WriteTx
from tests.store.test_store import ACCOUNT, NOW, inbox, message, opened

BODIES = [b"one", b"", b"x" * (2 * CHUNK_OCTETS + 1), b"four"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "popbridge.db")
    made.write(lambda tx: tx.add_account(ACCOUNT))
    yield made
    made.close()


def add(tx: WriteTx, bodies: list[bytes | int], ancestries: list[bytes]) -> list[Added]:
    arriving = [
        Arriving(replace(message(b""), ancestry=ancestry, size=number), octets, NOW)
        for number, (octets, ancestry) in enumerate(zip(bodies, ancestries, strict=True))
    ]
    return tx.add_messages(inbox(tx), arriving)


def threads(store: Store, added: list[Added]) -> list[str]:
    uids = [one.uid for one in added]
    names = frozenset({"threadid"})
    rows = store.read(lambda tx: tx.columns(inbox(tx).id, uids, names, 1))
    return list(rows.columns["threadid"])


def test_each_has_its_own_octets_and_uid(store: Store) -> None:
    def staged(tx: WriteTx) -> int:
        stage = tx.stage_begin()
        tx.stage_chunk(stage, 0, b"staged")
        return stage

    stages = store.write(lambda tx: [staged(tx), staged(tx)])
    bodies: list[bytes | int] = [BODIES[0], stages[0], *BODIES[1:3], stages[1], BODIES[3]]
    added = store.write(lambda tx: add(tx, bodies, [b""] * len(bodies)))
    read = [store.read(lambda tx, k=one.message_id: tx.octets(k, 0, 1 << 30)) for one in added]
    assert read == [b"staged" if isinstance(body, int) else body for body in bodies]
    assert [one.uid for one in added] == [1, 2, 3, 4, 5, 6]
    status = store.read(lambda tx: tx.status(inbox(tx)))
    assert (status.messages, status.unseen, status.recent, status.size) == (6, 6, 6, 15)
    assert store.write(lambda tx: tx.sweep_stages()) == 0


def test_ids_go_on_after_a_part_was_taken_back(store: Store) -> None:
    """A savepoint that is undone gives its numbers back; a message must not get another's."""

    def fails(tx: WriteTx) -> None:
        add(tx, [b"a", b"b", b"c"], [b"", b"", b""])
        raise OverflowError

    def works(tx: WriteTx) -> list[Added]:
        return add(tx, [b"d", b"e"], [b"", b""])

    first, failed, second = store.write_group([works, fails, works])
    assert isinstance(failed, OverflowError)
    for added in (first, second):
        keys = [one.message_id for one in added]
        assert [store.read(lambda tx, k=k: tx.octets(k, 0, 9)) for k in keys] == [b"d", b"e"]
    assert [one.uid for one in first + second] == [1, 2, 3, 4]


def test_threads_of_messages_that_come_together(store: Store) -> None:
    """THREADID goes by what came before, in the same group or an earlier one."""
    ancestries = [b"<a>", b"<b>\n<a>", b"<c>", b"", b"<d>\n<x>", b"<x>", b"<e>\n<c>\n<x>"]
    together = store.write(lambda tx: add(tx, [b""] * 7, ancestries))
    a, b, c, none, d, x, e = threads(store, together)
    assert a == b and d == x == e and len({a, c, none, d}) == 4
    later = store.write(lambda tx: add(tx, [b"", b""], [b"<f>\n<b>", b"<g>\n<f>"]))
    assert threads(store, later) == [a, a]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_threads_are_found_however_many_are_asked_for(store: Store, count: int) -> None:
    own = [b"<m%d>" % number for number in range(count)]
    first = store.write(lambda tx: add(tx, [b""] * count, own))
    replies = [b"<r%d>\n" % number + one for number, one in enumerate(own)]
    second = store.write(lambda tx: add(tx, [b""] * count, replies))
    assert threads(store, second) == threads(store, first)
    assert len(set(threads(store, first))) == count


def test_rows_of_one_uidl_get_generations_in_order(store: Store) -> None:
    account = store.read(lambda tx: inbox(tx).account_id)
    uidls = [b"x", None, b"y", b"x", None, b"x"]
    rows = [
        NewRow(listed=Listed(number, uidl, 1), state=LedgerState.LISTED, now=NOW)
        for number, uidl in enumerate(uidls)
    ]
    keys = store.write(lambda tx: list(tx.ledger_add_all(account, rows)))
    known = {row.id: row for row in store.read(lambda tx: tx.known(account))}
    assert [known[key].uidl for key in keys] == [uidl or b"" for uidl in uidls]
    assert [known[key].generation for key in keys] == [0, 0, 0, 1, 1, 2]
    assert store.write(lambda tx: list(tx.ledger_add_all(account, []))) == []
