"""Sessions in this process: each look at the store takes its turn, in an order of its own."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from bridge.intake import Intake
from bridge.model.change import Change
from bridge.model.ids import AccountId, MailboxId, ModSeq
from bridge.model.mailbox import Mailbox
from bridge.session.keys import Keys
from bridge.store.engine import Store
from bridge.store.port import InlineDatabase
from tests.imap_harness import NOW, Client, Server
from tests.session.hammer.agent import Link, Oracle, lowered
from tests.session.hammer.deeds import message

LOST = 0.1
"""The share of hints that never come."""


class Turns:
    """A `Database` whose works wait for `turn`: writes in their order, reads whenever."""

    def __init__(self, store: Store, chance: Random, committed: Callable[[], None]) -> None:
        self._store = store
        self._chance = chance
        self._committed = committed
        self._reads: list[tuple[Any, Deferred[Any]]] = []
        self._writes: deque[tuple[Any, Deferred[Any]]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._reads) + len(self._writes)

    async def read(self, work: Any, *, brief: bool = False) -> Any:
        done: Deferred[Any] = Deferred()
        self._reads.append((work, done))
        return await done

    async def write(self, work: Any, *, ingest: bool = False) -> Any:
        done: Deferred[Any] = Deferred()
        self._writes.append((work, done))
        return await done

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        return self._store.newest(mailbox_id)

    def writes(self) -> int | None:
        return self._store.writes()

    def turn(self) -> None:
        """Does one of the works that wait."""
        if self._writes and self._chance.randrange(self.waiting) >= len(self._reads):
            work, done = self._writes.popleft()
            self._do(lambda: self._store.write(work), done, self._committed)
        elif self._reads:
            work, done = self._reads.pop(self._chance.randrange(len(self._reads)))
            self._do(lambda: self._store.read(work), done, lambda: None)

    def _do(self, run: Callable[[], Any], done: "Deferred[Any]", after: Callable[[], None]) -> None:
        try:
            result = run()
        except Exception as error:
            done.errback(error)
            return
        after()
        done.callback(result)


class MemoryLink(Link):
    """A session of this process."""

    def __init__(self, client: Client) -> None:
        client.unwatched("the agent's own validator reads along, response by response")
        self._client = client

    def send(self, octets: bytes) -> None:
        self._client.send(octets)

    def take(self) -> bytes:
        octets = self._client.take()
        assert not self._client.failures, self._client.failures
        return octets

    def compress(self) -> None:
        assert self._client.compressed

    def close(self) -> None:
        self._client.hang_up()


def _offer_uid_only(tx: Any) -> None:
    tx.update_account(replace(tx.account("alice"), withheld=frozenset({"+UIDONLY"})))


class MemoryWorld:
    """A server, what happens in it, and what is true."""

    user, password = b"alice", b"secret"
    round_commands = 300

    def __init__(self, folder: Path, chance: Random) -> None:
        self._chance = chance
        self._server = Server(folder)
        self._store = self._server.store
        self._store.write(_offer_uid_only)
        self._inbox = self._find_inbox()
        self._seen = ModSeq(0)
        self.oracle = Oracle()
        self._turns = Turns(self._store, chance, self._look)
        self._server.services.database = self._turns
        self._hints: list[tuple[Change, ...]] = []
        self._store._on_commit = self._hints.append

    def _find_inbox(self) -> MailboxId:
        def find(tx: Any) -> Mailbox:
            account = tx.account("alice")
            found: Mailbox | None = tx.mailbox(AccountId(account.id), "INBOX")
            assert found is not None
            return found

        return self._store.read(find).id

    def connect(self) -> Link:
        """A connection whose greeting wasn't read."""
        client = Client(self._server)
        self._server.clients.append(client)
        return MemoryLink(client)

    def advance(self) -> None:
        """Something happens: a look at the store, or a hint arrives or is lost."""
        if self._hints and self._chance.random() < 0.5:
            hint = self._hints.pop(0)
            if self._chance.random() >= LOST:
                self._server.bus.publish(hint)
        else:
            self._turns.turn()

    def forget(self) -> None:
        """What was expunged is remembered no more."""
        while self._store.write(lambda tx: tx.purge(NOW + timedelta(days=40))):
            pass

    def forget_keys(self) -> None:
        """What SORT and THREAD keep is worked out anew."""
        self._server.services.keys = Keys()

    def quiet(self) -> None:
        """What was under way has happened."""
        while self._hints:
            self._server.bus.publish(self._hints.pop(0))

    def deliver(self) -> None:
        """Mail comes as sync brings it."""

        async def come() -> None:
            intake = Intake(InlineDatabase(self._store), arrival=NOW)
            await intake.feed(message(self._chance))
            stored, octets = await intake.finish()

            def add(tx: Any) -> None:
                tx.add_message(tx.mailbox_by_id(self._inbox), stored, octets, now=NOW)

            self._store.write(add)

        failures: list[Any] = []
        Deferred.fromCoroutine(come()).addErrback(failures.append)
        assert not failures, failures
        self._look()

    def _look(self) -> None:
        """Notes what the last commit did to INBOX."""

        def pull(tx: Any) -> Any:
            return tx.delta(tx.mailbox_by_id(self._inbox), self._seen)

        delta = self._store.read(pull)
        assert delta.mailbox.highest_modseq >= self._seen
        self._seen = delta.mailbox.highest_modseq
        for change in (*delta.added, *delta.changed):
            flags = lowered(flag.encode() for flag in change.flags)
            self.oracle.note(change.uid, change.modseq, flags)
        for uid in delta.vanished:
            del self.oracle.live[uid]

    def close(self) -> None:
        """Checks that no session failed."""
        self._server.close()
