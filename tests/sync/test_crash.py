"""A process that dies after any commit: nothing is half there, lost, or there twice."""

import sqlite3
from pathlib import Path

from bridge.intake import INLINE_OCTETS
from bridge.model.upstream import LedgerState
from tests.sync.fakes import GroupDatabase, Message, Task, World, mail

OCTETS = [mail(f"{number}") for number in range(10)]
OCTETS[3] = mail("large", 2 * INLINE_OCTETS)
OCTETS[5] = OCTETS[4]
OCTETS[7] = b""


def copied(world: World, path: Path) -> World:
    """What a process that starts now would find."""
    with sqlite3.connect(world.path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    return World(path, new=False)


def check(world: World) -> None:
    rows = [row for row in world.ledger() if row.message_id is not None]
    assert world.inbox() == OCTETS[: len(rows)]
    assert all(row.state in (LedgerState.STORED, LedgerState.SUSPECT) for row in rows)
    assert world.stages() == 0


def test_promise_2_after_any_commit_a_message_is_there_with_its_ledger_row_or_not_at_all(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "popbridge.db")
    world.provider.messages = [Message(b"%d" % n, each) for n, each in enumerate(OCTETS)]
    database = GroupDatabase(world.store)
    task, commits = Task(world.runner(database).run_once()), 0
    while not task.done:
        commits += 1
        database.flush(1)
        restarted = copied(world, tmp_path / f"{commits}.db")
        check(restarted)
        uids = restarted.uids()
        restarted.provider.messages = list(world.provider.messages)
        assert restarted.sync().error is None
        assert restarted.inbox() == OCTETS and restarted.uids()[: len(uids)] == uids
        restarted.close()
    assert commits > 5 and world.inbox() == OCTETS
    world.close()
