"""What `verify` finds, and what it must not find."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.admin import verify as module
from bridge.admin.verify import verify
from bridge.errors import RefusedError
from bridge.intake import INLINE_OCTETS
from bridge.model.mailbox import INBOX
from bridge.store.schema import CHUNK_OCTETS
from tests.sync.fakes import START, World, fill, mail, secret


class House:
    """A world whose store is checked, and spoiled behind its back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[dict[str, Any]] = []
        self.admin: Any = SimpleNamespace(
            database=world.database,
            connector=world.provider,
            secret=secret,
            clock=lambda: START + timedelta(seconds=5),
        )

    def verify(self, *logins: str, **options: bool) -> dict[str, Any]:
        return asyncio.run(verify(self.admin, logins, self.told.append, **options))

    def findings(self, **options: bool) -> list[tuple[str, int | None, str | None]]:
        """Kind, UID and UIDL of each."""
        found = self.verify(**options)["findings"]
        return [(one["kind"], one["uid"], one["uidl"]) for one in found]

    def spoil(self, *statements: str) -> None:
        with sqlite3.connect(self.world.path) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount, statement


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    world = World(tmp_path / "popbridge.db")
    fill(world, "a", "b", "c")
    world.provider.add(b"d", mail("large", INLINE_OCTETS + 3 * CHUNK_OCTETS + 5))
    world.provider.add(b"e", b"")
    assert world.sync().error is None
    yield House(world)
    world.close()


def test_a_sound_store_has_no_finding(house: House) -> None:
    found = house.verify(deep=True, upstream=True)
    octets = sum(len(one.octets) for one in house.world.provider.messages)
    assert (found["messages"], found["octets"], found["findings"]) == (5, octets, [])
    assert house.verify()["findings"] == []
    assert house.told[-1] == {
        "login": "alice", "checked": 5, "of": 5, "octets": octets, "findings": 0,
    }  # fmt: skip


CHUNK = "update chunk set data = cast({} as blob) where blob_id = 2"
UPDATE = "update message set {} where id = 2"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (
            "update chunk set data = cast(replace(data, x'48', x'4a') as blob) where blob_id = 2",
            "octets",
        ),
        (CHUNK.format("data || x'0a'"), "octets"),
        ("delete from chunk where blob_id = 2", "octets"),
        ("update blob set sealed = 0 where id = 2", "octets"),
        (UPDATE.format("size = size + 1"), "hashes"),
        (UPDATE.format("canonical_hash = x'00'"), "hashes"),
        (UPDATE.format("body_hash = x'00'"), "hashes"),
        ("delete from shape where message_id = 2", "shape"),
        ("update shape set parts = x'' where message_id = 2", "shape"),
        ("delete from message_text where message_id = 2", "shape"),
        (UPDATE.format("expunged_at = '2026-01-01'"), "expunged"),
    ],
)
def test_each_damage_of_a_message_is_found_and_told_by_uid(
    house: House, statement: str, kind: str
) -> None:
    house.spoil(statement)
    assert (kind, 2, "b") in house.findings()
    others = [one for one in house.findings() if one[1] not in (2, None)]
    assert others == []


@pytest.mark.parametrize("gap", [0, 2])
def test_a_gap_in_the_chunks_of_a_large_message(house: House, gap: int) -> None:
    blob = "(select blob_id from message where size > 1000000)"
    house.spoil(f"delete from chunk where blob_id = {blob} and seq = {gap}")
    (found,) = house.verify()["findings"]
    assert (found["kind"], found["uidl"]) == ("octets", "d")
    assert f"part {gap + 1} of its octets" in found["text"]
    assert "still upstream" in found["remedy"] and "never deleted upstream" in found["meaning"]


def test_a_chunk_that_is_too_short(house: House) -> None:
    blob = "(select blob_id from message where size > 1000000)"
    house.spoil(f"update chunk set data = x'00' where blob_id = {blob} and seq = 1")
    (found,) = house.verify()["findings"]
    assert "part 2 of its octets" in found["text"]


def test_what_is_gone_upstream_needs_a_backup(house: House) -> None:
    house.spoil(
        "update chunk set data = x'00' where blob_id = 1",
        "update ledger set missing_since = '2026-01-01T00:00:00+00:00' where message_id = 1",
    )
    (found,) = house.verify()["findings"]
    assert "doesn't list it any more" in found["remedy"] and "restore" in found["remedy"]


@pytest.mark.parametrize("column", ["messages", "unseen", "deleted", "recent", "size"])
def test_wrong_counters(house: House, column: str) -> None:
    house.spoil(f"update mailbox set {column} = {column} + 1 where name = 'INBOX'")
    (found,) = house.verify()["findings"]
    assert (found["kind"], found["mailbox"], column in found["text"]) == ("counters", INBOX, True)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update mailbox set uidnext = 5 where name = 'INBOX'", "uidnext"),
        ("update mailbox set highest_modseq = 2 where name = 'INBOX'", "modseq"),
        ("update mailbox set tombstone_floor = 1000 where name = 'INBOX'", "modseq"),
        ("update counter set value = 1 where name = 'uidvalidity'", "uidvalidity"),
        ("update ledger set message_id = null where uidl = x'62'", "ledger"),
        ("update ledger set full_hash = x'00' where message_id = 2", "ledger_hashes"),
        ("update ledger set body_hash = x'00' where message_id = 2", "ledger_hashes"),
        ("insert into blob (sealed, dropped) values (1, 0)", "orphans"),
        ("delete from placement where uid = 2", "placeless"),
        ("update placement set message_id = 99 where uid = 2", "database"),
    ],
)
def test_each_broken_invariant(house: House, statement: str, kind: str) -> None:
    house.spoil(statement)
    assert kind in [one[0] for one in house.findings()]


def test_what_another_version_worked_out(house: House) -> None:
    house.spoil("update shape set envelope = x'4e494c' where message_id = 3")
    assert house.findings() == []
    (found,) = house.verify(deep=True)["findings"]
    assert (found["kind"], found["uid"]) == ("answers", 3)
    assert "envelope" in found["text"]


def test_a_damaged_file_is_told_and_the_rest_is_looked_at(house: House) -> None:
    world = house.world
    page, number = 8192, _page_of_a_large_message(world.path)
    with open(world.path, "r+b") as file:
        file.seek((number - 1) * page + 4)
        file.write(b"\xff" * 2000)
    found = house.verify()
    kinds = {one["kind"] for one in found["findings"]}
    assert kinds & {"octets", "unreadable", "database"}
    assert found["messages"] >= 4


def _page_of_a_large_message(path: Path) -> int:
    """An overflow page in the middle of the largest chunk."""
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    octets = path.read_bytes()
    at = octets.index(b"x" * 8000, octets.index(b"Subject: large") + 3 * 8192)
    return at // 8192 + 1


def test_a_message_that_is_purged_meanwhile_is_no_finding(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = module._turn

    def purging(tx: Any, **where: Any) -> None:
        house.spoil("delete from message where id = 4", "delete from chunk where blob_id > 3")
        monkeypatch.setattr(module, "_turn", turn)

    monkeypatch.setattr(module, "_turn", purging)
    kinds = [one[0] for one in house.findings()]
    assert "octets" not in kinds and "unreadable" not in kinds


def test_memory_does_not_grow_with_a_message(house: House) -> None:
    house.world.provider.add(b"f", mail("huge", 3 * module.PIECE_OCTETS))
    house.world.sync()
    house.verify()
    steps = [b["octets"] - a["octets"] for a, b in zip(house.told, house.told[1:], strict=False)]
    assert 0 < max(steps) <= 2 * module.PIECE_OCTETS


def test_more_findings_than_anybody_reads_are_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FINDINGS", 2)
    house.spoil("update message set size = size + 1")
    found = house.verify()
    # Five sizes, and the mailbox's sum of them.
    assert (len(found["findings"]), found["more"]) == (2, 4)


def test_every_uidl_listed_is_accounted_for(house: House) -> None:
    world = house.world
    world.provider.add(b"f", mail("f"))
    world.provider.add(None, mail("g"))
    world.provider.messages.pop(0)
    (found,) = house.verify(upstream=True)["upstream"]
    assert found == {
        "login": "alice",
        "listed": 6,
        "messages": {"held": 3, "suspect": 1, "pending": 1, "ambiguous": 1},
        "gone": {"held": 1},
        "error": None,
    }
    assert world.provider.events[-2:] == ["connect", "quit"]


@pytest.mark.parametrize(
    ("change", "listed", "gone"),
    [
        ("state = 'odd'", {"held": 3, "odd": 1, "suspect": 1}, {}),
        ("state = 'poisoned', message_id = null", {"held": 3, "poisoned": 1, "suspect": 1}, {}),
        ("state = 'too_large', message_id = null", {"held": 3, "suspect": 1, "too_large": 1}, {}),
        ("state = 'elsewhere', message_id = null", {"elsewhere": 1, "held": 3, "suspect": 1}, {}),
        ("state = 'listed', message_id = null", {"held": 3, "pending": 1, "suspect": 1}, {}),
        (
            "expunged_at = '2026-01-01T00:00:00+00:00', message_id = null",
            {"expunged": 1, "held": 3, "suspect": 1},
            {},
        ),
        ("uidl = x'7a'", {"held": 3, "pending": 1, "suspect": 1}, {"held": 1}),
        (
            "uidl = x'7a', dele_at = '2026-01-01T00:00:00+00:00'",
            {"held": 3, "pending": 1, "suspect": 1},
            {"deleted": 1},
        ),
        (
            "uidl = x'7a', state = 'listed', message_id = null",
            {"held": 3, "pending": 1, "suspect": 1},
            {"never_held": 1},
        ),
        (
            "uidl = x'7a', state = 'elsewhere', message_id = null",
            {"held": 3, "pending": 1, "suspect": 1},
            {"elsewhere": 1},
        ),
    ],
)
def test_totals_add_up(
    house: House, change: str, listed: dict[str, int], gone: dict[str, int]
) -> None:
    house.spoil(f"update ledger set {change} where message_id = 2")
    (found,) = house.verify(upstream=True)["upstream"]
    assert (found["messages"], found["gone"]) == (listed, gone)
    assert sum(found["messages"].values()) == found["listed"] == 5


def test_what_is_not_accounted_for_is_a_finding(house: House) -> None:
    house.spoil("update ledger set message_id = null where message_id = 2")
    found = house.verify(upstream=True)
    assert [one["kind"] for one in found["findings"]] == ["ledger", "unaccounted"]
    assert found["upstream"][0]["messages"]["unaccounted"] == 1


def test_a_provider_that_is_down_is_told_and_no_finding(house: House) -> None:
    house.world.provider.connect_error = RefusedError("No.", "Look.")
    found = house.verify(upstream=True)
    (one,) = found["upstream"]
    assert (one["listed"], one["error"]["code"], found["findings"]) == (None, "BR-POP-03", [])
