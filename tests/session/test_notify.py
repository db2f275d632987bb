"""NOTIFY (RFC 5465): limits, what a wake costs, hints that are lost, clients that don't read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.model.change import Change
from bridge.session import news
from bridge.session.port import Closed
from bridge.store.base import Reads
from tests.imap_harness import Client, Server, append

ALL = "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"
MESSAGE = b"Subject: 1\r\n\r\nx"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def watcher(server: Server, groups: str, mailbox: str | None = None) -> Client:
    """A client that has asked to be told, and has read all so far."""
    client = server.client(mailbox=mailbox)
    assert client.do(f"NOTIFY SET {groups}")[-1].startswith(b"t OK")
    return client


def taken(client: Client) -> list[bytes]:
    return client.take().split(b"\r\n")[:-1]


def make_mailboxes(server: Server, count: int) -> None:
    def work(tx: Any) -> None:
        account = tx.account("alice")
        for number in range(count):
            tx.create_mailbox(account.id, f"box{number:04}")

    server.store.write(work)


def test_a_wake_costs_the_same_looks_for_6_and_for_500_mailboxes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = watcher(server, f"(personal ({ALL}))"), server.client(mailbox=None)
    seen: list[Any] = []
    every = Reads.all

    def counted(self: Reads, statement: Any, **values: Any) -> Any:
        seen.append(statement)
        return every(self, statement, **values)

    def looks() -> int:
        seen.clear()
        append(other, MESSAGE, "Trash")
        (line,) = taken(client)
        assert line.startswith(b"* STATUS Trash (MESSAGES ")
        return len(seen)

    monkeypatch.setattr(Reads, "all", counted)
    few = looks()
    make_mailboxes(server, 500)
    assert len(taken(client)) == 500
    assert looks() == few


def test_what_changes_in_the_selected_mailbox_costs_no_look_at_the_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = f"(selected (MessageNew MessageExpunge)) (personal ({ALL}))"
    client, other = watcher(server, groups, "INBOX"), server.client(mailbox=None)
    looked: list[Any] = []
    monkeypatch.setattr(news.News, "_check", lambda self, picture: looked.append(picture))
    append(other, MESSAGE)
    assert taken(client) == [b"* 1 EXISTS", b"* 1 RECENT"]
    assert not looked


def test_too_many_mailboxes_are_refused_and_what_was_before_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MAX_WATCHED", 5)
    client, other = watcher(server, "(inboxes (MessageNew MessageExpunge))"), server.client()
    refused = client.do("NOTIFY SET (personal (MailboxName))")
    assert refused[-1].startswith(b"t NO [NOTIFICATIONOVERFLOW] ")
    assert "other" in server.observer.limits
    append(other, MESSAGE)
    assert taken(client)[0].startswith(b"* STATUS INBOX (MESSAGES 1 ")
    # By name it is a matter of those that are named.
    assert client.do("NOTIFY SET (mailboxes Trash (MailboxName))")[-1].startswith(b"t OK")


def test_mailboxes_that_become_too_many_end_it_as_NOTIFY_NONE(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MAX_WATCHED", 7)
    client, other = watcher(server, f"(personal ({ALL}))"), server.client(mailbox=None)
    other.do("CREATE a")
    assert taken(client) == [b'* LIST (\\HasNoChildren) "/" a']
    other.do("CREATE b")
    (line,) = taken(client)
    assert line.startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
    other.do("CREATE c")
    append(other, MESSAGE)
    assert taken(client) == []
    assert client.do("NOOP")[-1].startswith(b"t OK")
    assert client.do("SELECT INBOX")[-1].startswith(b"t OK")
    append(other, MESSAGE)
    assert len(client.do("NOOP")) == 1


def test_groups_and_names_have_their_limits(server: Server) -> None:
    client = server.client()
    groups = " ".join(["(personal (MailboxName))"] * 101)
    assert client.do(f"NOTIFY SET {groups}")[-1].startswith(b"t BAD [LIMIT] ")
    names = " ".join(f"b{n}" for n in range(1001))
    answer = client.do(f"NOTIFY SET (mailboxes ({names}) (MailboxName))")
    assert answer[-1].startswith(b"t BAD [LIMIT] ")
    answer = client.do(f"ESEARCH IN (mailboxes ({names})) ALL")
    assert answer[-1].startswith(b"t BAD [LIMIT] ")


def test_a_hint_that_is_lost_only_delays(server: Server) -> None:
    groups = f"(selected (MessageNew (UID) MessageExpunge)) (personal ({ALL}))"
    client, other = watcher(server, groups, "INBOX"), server.client(mailbox=None)
    lost: list[tuple[Change, ...]] = []
    server.store._on_commit = lost.append
    other.do("CREATE new")
    append(other, MESSAGE)
    append(other, MESSAGE, "Trash")
    assert taken(client) == []
    assert lost
    told = client.do("NOOP")
    assert told[:4] == [
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b"* 1 FETCH (UID 1)",
        b'* LIST (\\HasNoChildren) "/" new',
    ]
    assert told[4].startswith(b"* STATUS Trash (MESSAGES 1 ")
    assert len(told) == 6
    # A hint that comes late, or twice, tells nothing anew.
    for hint in (*lost, *lost):
        server.bus.publish(hint)
    assert taken(client) == []


def test_a_client_that_does_not_read_is_told_once_of_all(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twisted.internet.defer import Deferred

    client, other = watcher(server, f"(personal ({ALL}))"), server.client(mailbox=None)
    stuck: list[Deferred[None]] = []

    async def drain() -> None:
        if client._gone:
            raise Closed
        stuck.append(Deferred())
        await stuck[-1]

    monkeypatch.setattr(client, "drain", drain)
    append(other, MESSAGE, "Trash")
    assert len(taken(client)) == 1
    for _ in range(50):
        append(other, MESSAGE, "Trash")
        other.do("CREATE a")
        other.do("DELETE a")
    assert taken(client) == []
    monkeypatch.undo()
    stuck[0].callback(None)
    (line,) = taken(client)
    assert line.startswith(b"* STATUS Trash (MESSAGES 51 UIDNEXT 52 ")


def test_what_the_client_did_beside_others_is_told_with_theirs(server: Server) -> None:
    client, other = watcher(server, f"(personal ({ALL}))"), server.client(mailbox=None)
    server.store._on_commit = lambda changes: None
    append(other, MESSAGE, "Trash")
    append(client, MESSAGE, "Trash")
    told = client.do("NOOP")
    assert told[0].startswith(b"* STATUS Trash (MESSAGES 2 UIDNEXT 3 ")
    append(client, MESSAGE, "Trash")
    assert len(client.do("NOOP")) == 1


def test_sessions_end_their_subscriptions(server: Server) -> None:
    client = watcher(server, "(personal (MailboxName MailboxMetadataChange))", "INBOX")
    assert server.bus._of_accounts
    client.do("NOTIFY NONE")
    assert not server.bus._of_accounts
    client.do("NOTIFY SET (personal (MailboxName MailboxMetadataChange))")
    client.do("LOGOUT")
    assert not server.bus._of_accounts and not server.bus._wakes


def test_a_subscription_that_changes_nothing_wakes_nobody(server: Server) -> None:
    client = server.client()
    heard: list[Any] = []
    server.store._on_commit = heard.append
    client.do("SUBSCRIBE Trash")
    client.do("UNSUBSCRIBE Archive/none")
    assert not heard
    client.do("UNSUBSCRIBE Trash")
    client.do("RENAME Trash Bin")
    assert len(heard) == 2


def test_it_counts_as_looking_for_new_mail(server: Server) -> None:
    watcher(server, "(mailboxes Trash (MessageNew MessageExpunge))")
    assert not server.looked
    watcher(server, "(inboxes (MessageNew MessageExpunge))")
    assert len(server.looked) == 1


def test_a_mailbox_that_is_deleted_while_selected_ends_the_session(server: Server) -> None:
    client = watcher(server, "(selected (MessageNew MessageExpunge))", "Archive")
    server.client().do("DELETE Archive")
    assert taken(client)[-1].startswith(b"* BYE ")


def test_what_was_said_of_INBOX_before_it_was_left_is_not_said_again(server: Server) -> None:
    groups = f"(selected (MessageNew MessageExpunge FlagChange)) (personal ({ALL}))"
    client, other = watcher(server, groups, "INBOX"), server.client()
    append(other, MESSAGE)
    other.do("STORE 1 +FLAGS (\\Seen)")
    assert len(taken(client)) == 3
    assert len(client.do("UNSELECT")) == 1
    assert taken(client) == []
    other.do("STORE 1 -FLAGS (\\Seen)")
    (line,) = taken(client)
    assert line.startswith(b"* STATUS INBOX (UIDVALIDITY 1700000001 UNSEEN 1")


def test_an_expunge_that_had_to_wait_is_told_by_STATUS_once_the_mailbox_is_left(
    server: Server,
) -> None:
    groups = f"(selected-delayed (MessageNew MessageExpunge)) (personal ({ALL}))"
    other = server.client()
    append(other, MESSAGE, flags="(\\Deleted)")
    client = watcher(server, groups, "INBOX")
    other.do("EXPUNGE")
    assert taken(client) == []
    assert len(client.do("FETCH 1 UID")) == 2
    told = [*client.do("UNSELECT"), *taken(client)]
    assert told[0] == b"t OK Left"
    assert told[1].startswith(b"* STATUS INBOX (MESSAGES 0 UIDNEXT 2 ")


def test_who_hears_nothing_keeps_its_numbers_when_it_expunges(server: Server) -> None:
    """Others know the mailbox as it was: their list must not become this client's again."""
    client = server.client()
    for _ in range(3):
        append(client, MESSAGE)
    client.do("STORE 2 +FLAGS (\\Deleted)")
    other = server.client()
    client.do("NOTIFY NONE")
    assert client.do("EXPUNGE") == [b"* 2 EXPUNGE", b"t OK Done"]
    rest = [b"* 1 FETCH (UID 1)", b"* 2 FETCH (UID 3)", b"t OK Done"]
    assert client.do("FETCH 1:* UID") == rest
    # Nor has who comes later or knew more what this client knows.
    assert server.client().do("FETCH 1:* UID") == rest
    assert other.do("NOOP") == [b"* 2 EXPUNGE", b"t OK Done"]
    client.do("STORE 2 +FLAGS (\\Deleted)")
    assert client.do("EXPUNGE") == [b"* 2 EXPUNGE", b"t OK Done"]
    client.do("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))")
    assert client.do("UID SEARCH ALL") == [b"* SEARCH 1", b"t OK Done"]
