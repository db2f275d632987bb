"""What `trace` tells of a message, from its first listing to its end."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.admin.story import trace
from bridge.errors import UnknownLoginError, UnknownMessageError
from bridge.ingest.pipeline import Ingest
from bridge.model.flags import SEEN
from bridge.model.mailbox import INBOX
from bridge.model.upstream import EventKind, LedgerState
from bridge.store.tx import WriteTx
from tests.sync.fakes import START, World


def letter(subject: str) -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: <{subject}@x>\r\n\r\nHello\r\n".encode()


class Teller:
    def __init__(self, world: World) -> None:
        self.world = world
        self.admin: Any = SimpleNamespace(database=world.database, clock=world.loop.now)

    def all(self, what: str, **options: Any) -> list[dict[str, Any]]:
        told: Any = asyncio.run(trace(self.admin, "Alice", what, **options))
        assert told["login"] == "alice"
        return list(told["messages"])

    def one(self, what: str, **options: Any) -> dict[str, Any]:
        (told,) = self.all(what, **options)
        return told

    def texts(self, what: str) -> str:
        told = self.one(what)
        return "\n".join([*(entry["text"] for entry in told["story"]), *told["now"]])

    def write(self, work: Any) -> Any:
        return self.world.store.write(work)

    def expunge(self, uid: int, mailbox: str = INBOX) -> None:
        def work(tx: WriteTx) -> None:
            box = tx.mailbox(self.world.account.id, mailbox)
            assert box is not None
            tx.expunge(box.id, [uid], self.world.loop.now())

        self.write(work)

    def policy(self, text: str) -> None:
        self.write(lambda tx: tx.update_account(replace(self.world.account, policy=text)))


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    world = World(tmp_path / "popbridge.db")
    for name in ("a", "b", "7"):
        world.provider.add(name.encode(), letter(name), size=70 if name == "b" else None)
    assert world.sync().error is None
    yield Teller(world)
    world.close()


@pytest.mark.parametrize("what", ["2", "<b@x>", "b@x", "b"])
def test_a_message_is_found_by_uid_message_id_and_uidl(teller: Teller, what: str) -> None:
    told = teller.one(what)
    size = len(letter("b"))
    assert (told["uidl"], told["size"], told["listed_size"]) == ("b", size, 70)
    assert (told["message_id"], told["state"]) == ("<b@x>", "stored")
    assert [(one["mailbox"], one["uid"], one["live"]) for one in told["mailboxes"]] == [
        (INBOX, 2, True)
    ]
    assert [entry["text"] for entry in told["story"]] == [
        "Listed first by the provider, UIDL b, 70 octets by its LIST.",
        f"Retrieved to its end, and durable here: {size} octets, {size - 70:+} against LIST,"
        f" SHA-256 {told['full_hash']}.",
        "Put into INBOX as UID 2.",
    ]
    assert {entry["at"] for entry in told["story"]} == {"2026-11-23T00:00:00Z"}
    assert told["now"] == [
        "It is held.",
        "Mail programs see it: UID 2 of INBOX.",
        "The provider lists it.",
        "Policy keep: Everything stays at the provider.",
    ]


def test_digits_mean_a_uid_and_a_uidl_alike(teller: Teller) -> None:
    for name in "cdefgh":
        teller.world.provider.add(name.encode(), letter(name))
    teller.world.sync()
    assert [one["message_id"] for one in teller.all("7")] == ["<f@x>", "<7@x>"]
    assert [one["message_id"] for one in teller.all("7", mailbox="inbox")] == ["<f@x>"]


def test_all_with_one_message_id_are_told(teller: Teller) -> None:
    teller.world.provider.add(b"again", letter("a") + b"more\r\n")
    teller.world.sync()
    assert [one["uidl"] for one in teller.all("a@x")] == ["a", "again"]


@pytest.mark.parametrize("what", ["99", "nobody@x", "", "-1", "\udcff", "%", "_", "99999999999"])
def test_what_is_not_there_is_said_so(teller: Teller, what: str) -> None:
    with pytest.raises(UnknownMessageError, match="has no message") as caught:
        teller.all(what)
    assert caught.value.exit == 65 and "UIDL" in caught.value.remedy


def test_a_mailbox_that_is_not_there_and_a_login_that_is_none(teller: Teller) -> None:
    with pytest.raises(UnknownMessageError):
        teller.all("1", mailbox="Nowhere")
    with pytest.raises(UnknownLoginError):
        asyncio.run(trace(teller.admin, "nobody", "1"))


def test_moves_and_the_end_are_told_with_times(teller: Teller) -> None:
    world = teller.world
    world.loop.clock.advance(3600)

    def move(tx: WriteTx) -> None:
        inbox, trash = (tx.mailbox(world.account.id, name) for name in (INBOX, "Trash"))
        assert inbox is not None and trash is not None
        tx.copy(inbox.id, [1], trash.id, world.loop.now())
        tx.expunge(inbox.id, [1], world.loop.now())

    teller.write(move)
    told = teller.one("a")
    assert [(p["mailbox"], p["live"]) for p in told["mailboxes"]] == [
        (INBOX, False),
        ("Trash", True),
    ]
    assert "Mail programs see it: UID 1 of Trash." in told["now"]
    world.loop.clock.advance(3600)
    teller.expunge(1, "Trash")
    told = teller.one("a")
    by_text = {entry["text"]: entry["at"] for entry in told["story"]}
    assert by_text["Put into Trash as UID 1."] == "2026-11-23T01:00:00Z"
    assert by_text["UID 1 of INBOX expunged, within an hour of then."] == "2026-11-23T01:00:00Z"
    assert by_text["Expunged from the last mailbox that it was in."] == "2026-11-23T02:00:00Z"
    assert [e["at"] for e in told["story"]] == sorted(e["at"] for e in told["story"])
    assert any("popbridge undelete" in sentence for sentence in told["now"])
    assert told["mailboxes"][0]["live"] is False


def test_what_is_purged_is_still_known_by_its_uidl(teller: Teller) -> None:
    teller.expunge(1)
    row = teller.world.ledger()[0]
    at = START.isoformat()
    teller.write(
        lambda tx: (
            tx.connection.exec_driver_sql(
                f"update ledger set message_id = null, expunged_at = '{at}' where id = {row.id}"
            ),
            tx.connection.exec_driver_sql(f"delete from placement where message_id = {row.id}"),
            tx.connection.exec_driver_sql(f"delete from message where id = {row.message_id}"),
        )
    )
    told = teller.one("a")
    assert told["size"] is None and told["full_hash"] == row.full_hash.hex()
    assert "Its octets are purged; its hash is kept, so that it doesn't come back." in told["now"]
    assert any("Expunged from the last" in entry["text"] for entry in told["story"])


def test_a_message_that_a_client_put_here(teller: Teller) -> None:

    ingest = Ingest(arrival=START)
    ingest.feed(letter("mine"))
    message = ingest.finish()

    def work(tx: WriteTx) -> None:
        drafts = tx.mailbox(teller.world.account.id, "Drafts")
        assert drafts is not None
        tx.add_message(drafts, message, letter("mine"), now=START, flags=frozenset({SEEN}))

    teller.write(work)
    told = teller.one("mine@x")
    assert (told["uidl"], told["state"]) == (None, None)
    assert told["mailboxes"][0]["flags"] == [SEEN]
    assert told["now"][0].startswith("It didn't come from the provider")
    assert teller.one("1", mailbox="Drafts") == told


def test_events_and_a_former_uidl_are_told(teller: Teller) -> None:
    teller.world.provider.messages[-1].uidl = b"new-name"
    teller.world.loop.clock.advance(60)
    assert teller.world.sync().error is None
    for what in ("new-name", "7"):
        told = teller.one(what)
        assert told["uidl"] == "new-name"
        renamed = [e for e in told["story"] if e["text"].startswith("Renamed by the provider: ")]
        assert [entry["at"] for entry in renamed] == ["2026-11-23T00:01:00Z"]


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words(teller: Teller, kind: EventKind) -> None:
    row = teller.world.ledger()[0]
    teller.write(lambda tx: tx.ledger_note(row.id, kind, "because of this", START))
    assert ": because of this." in teller.texts("a")


@pytest.mark.parametrize("state", LedgerState)
def test_every_state_has_words_and_a_reason(teller: Teller, state: LedgerState) -> None:
    row = teller.world.ledger()[0]
    teller.write(lambda tx: tx.ledger_state(row.id, state, attempts=2, reason="it is so"))
    texts = teller.texts("a")
    assert "(it is so)." in texts and "failed 2 times" in texts


def test_gone_upstream_by_itself_or_by_us(teller: Teller) -> None:
    first, second, _ = teller.world.ledger()
    at = START + timedelta(days=1)
    teller.write(lambda tx: tx.ledger_missing([first.id, second.id], at))
    teller.write(lambda tx: tx.ledger_deleted([second.id], START))
    alone, ours = teller.texts("a"), teller.texts("b")
    assert "Missing in the provider's listing since." in alone
    assert "lists it no more: popbridge didn't do that." in alone
    assert "Deleted at the provider: DELE and QUIT were answered with +OK." in ours
    assert "lists it no more: popbridge deleted it there." in ours
    assert "Policy" not in alone + ours


def test_what_the_policy_would_do_and_why_not(teller: Teller) -> None:
    teller.policy("delete")
    assert "It is due for it is held here; before it is deleted its octets" in teller.texts("a")
    teller.policy("delete-after=30d")
    assert "It is not deleted now: the policy doesn't ask for it yet." in teller.texts("a")
    row = teller.world.ledger()[0]
    teller.policy("delete")
    teller.write(lambda tx: tx.ledger_state(row.id, LedgerState.ODD, attempts=0, reason="r"))
    assert "It is not deleted now: it is odd." in teller.texts("a")

    def freeze(tx: WriteTx) -> None:
        profile = tx.profile(teller.world.account.id)
        tx.save_profile(replace(profile, frozen_since=START, frozen_reason="emptied"))

    teller.write(freeze)
    assert "that is frozen since 2026-11-23T00:00:00Z." in teller.texts("b")
