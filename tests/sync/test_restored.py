"""Fault 29: an old backup, put back after the provider has moved on, deletes nothing it lacks."""

from dataclasses import replace

from bridge.errors import TimedOutError
from bridge.model.account import AccountState
from bridge.store.epoch import renew
from bridge.sync.deleting import PolicyDeleter
from bridge.sync.runner import Runner, SyncResult
from tests.sync.fakes import World, mail, now, secret


def poll(world: World) -> SyncResult:
    """A sync that deletes what the policy says."""
    runner = Runner(
        account=world.account,
        database=world.database,
        connector=world.provider,
        open_secret=secret,
        loop=world.loop,
        deleter=PolicyDeleter(
            database=world.database, loop=world.loop, monotonic=world.loop.clock.seconds
        ),
    )
    return now(runner.run_once())


def deletes(world: World) -> list[str]:
    return [event for event in world.provider.events if event.startswith("dele ")]


def test_nothing_is_deleted_until_all_that_is_listed_is_held(world: World) -> None:
    for name in ("a", "b", "c"):
        world.provider.add(name.encode(), mail(name))
    world.sync()
    # What was fetched since isn't in the copy.
    for name in ("d", "e"):
        world.provider.add(name.encode(), mail(name))
    world.store.write(lambda tx: renew(tx, None, world.loop.now()))
    world.account = replace(world.account, policy="delete")
    world.store.write(lambda tx: tx.update_account(world.account))
    world.provider.cut = {b"e": TimedOutError("Cut.", "")}
    for _ in range(2):
        assert poll(world).error is not None
        assert deletes(world) == []
        assert world.store.read(lambda tx: tx.profile(world.account.id)).frozen_since is not None
    world.provider.cut.clear()
    assert poll(world).error is None
    assert sorted(world.inbox()) == sorted(map(mail, "abcde"))
    assert world.store.read(lambda tx: tx.profile(world.account.id)).frozen_since is None
    world.loop.clock.advance(3600)
    poll(world)
    assert len(deletes(world)) == 5
    assert world.provider.messages == []
    assert sorted(world.inbox()) == sorted(map(mail, "abcde"))


def test_status_says_so_meanwhile(world: World) -> None:
    world.provider.add(b"a", mail("a"))
    world.sync()
    world.provider.messages.clear()
    world.store.write(lambda tx: renew(tx, None, world.loop.now()))
    poll(world)
    status = world.status()
    assert status.state is AccountState.FROZEN
    assert "old copy" in (status.error_text or "")
