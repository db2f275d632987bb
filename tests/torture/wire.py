"""Cuts, stalls and slices at every octet of a POP session, in both directions.

In one process, for the number of them: the real core with its store, runner and sockets, an account
for each octet. A sample goes through the daemon and IMAP too.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bridge.admin.context import seal_context
from bridge.app.core import Core
from bridge.config import load
from bridge.model.account import Account
from bridge.model.mailbox import INBOX
from bridge.store.tx import ReadTx
from bridge.sync.runner import PROGRESS_TIMEOUT_S, Runner
from tests.reactor import reactor, run
from tests.torture.house import World, chance_of
from tests.torture.kills import Tally, last_life, refuse_faults
from tests.torture.mail import letters, small_letter
from tests.torture.oracle import Oracle, Seen, shown
from tests.torture.provider import PASSWORD, Cut, Provider

HOWS = ("fin", "rst", "half", "stall", "slice", "deaf")
SILENT = ("half", "stall")
IMPATIENT_S = 0.06
"""Stands for the minute that a provider may be silent."""

POLLS = 4
"""Enough to have everything, whatever the first one met."""

LETTERS = 3


class Office:
    """One store with an account for each attempt."""

    def __init__(self, world: World, policy: str) -> None:
        self.provider: Provider = world.provider
        self.letters: list[bytes] = []
        self.data = world.folder / "office"
        shutil.copytree(world.template(policy, secure=False, interval="1h"), self.data)
        config = load(self.data / "popbridge.toml", {})
        self.core: Core = run(lambda: _made(self.data, config))
        self.pattern: Account = run(lambda: self.core.database.read(lambda tx: tx.accounts()[0]))
        self._accounts = 0

    def close(self) -> None:
        """Lets go of the store."""
        run(lambda: _closed(self.core))
        shutil.rmtree(self.data)

    def account(self) -> Account:
        """A new account, and a maildrop with the same mail as ever."""
        self._accounts += 1
        login = f"a{self._accounts}"
        sealed = self.core.admin.sealer.seal(PASSWORD, seal_context(login))
        added = replace(self.pattern, login=login, sealed_password=sealed)
        self.provider.reset(hides=self.provider.hides)
        for octets in self.letters:
            self.provider.accept(octets)
        return run(lambda: self.core.database.write(lambda tx: tx.add_account(added)))

    def poll(self, account: Account, *, patience_s: float = PROGRESS_TIMEOUT_S) -> Any:
        """One poll's result."""
        runner: Any = self.core._runner(account)
        assert isinstance(runner, Runner) and runner._progress_timeout_s == PROGRESS_TIMEOUT_S
        runner._progress_timeout_s = patience_s
        return run(runner.run_once)

    def look(self, account: Account) -> Seen:
        """INBOX as IMAP shows it."""

        def read(tx: ReadTx) -> Seen:
            box = tx.mailbox(account.id, INBOX)
            assert box is not None
            uids = list(tx.snapshot(box).uids)
            rows = zip(uids, tx.rows(box.id, uids), strict=True)
            octets = {uid: tx.octets(row.message_id, 0, row.size) for uid, row in rows}
            return Seen(box.uidvalidity, {uid: shown(one) for uid, one in octets.items()})

        return run(lambda: self.core.database.read(read))

    def recorded(self, account: Account) -> tuple[int, int]:
        """Octets sent and received in polls that nothing disturbs."""
        self.provider.heal()
        for _ in range(2):
            result = self.poll(account)
            assert result.error is None, result.error
        return self.provider.sent, self.provider.received


async def _made(data: Any, config: Any) -> Core:
    return Core(reactor, data, config, "torture")


async def _closed(core: Core) -> None:
    core.close()


@contextmanager
def office(world: World, scenario: int, policy: str = "keep") -> Iterator[Office]:
    """A scenario's mail, in an office of its own."""
    chance = chance_of("wire", scenario)
    made = Office(world, policy)
    world.provider.context = None
    world.provider.hides = bool(scenario % 2)
    made.letters = [small_letter(chance, number) for number in range(LETTERS)]
    try:
        yield made
    finally:
        made.close()


def torture(world: World, seed: int, *, policy: str = "keep", most: int | None = None) -> Tally:
    """Every octet of a scenario with one fault, or at most so many of them."""
    scenario, how = divmod(seed, len(HOWS))
    tally = Tally()
    with office(world, scenario, policy) as made:
        sent, received = made.recorded(made.account())
        total = received if how == HOWS.index("deaf") else sent
        offsets: Iterable[int] = range(1, total + 1)
        if most is not None:
            offsets = sorted(chance_of("offsets", seed).sample(offsets, min(most, total)))
        for offset in offsets:
            try:
                tally.looks += _attempt(made, Cut(offset, HOWS[how]))
            except AssertionError as error:
                raise type(error)(
                    f"{HOWS[how]} after {offset} of {total} octets: {error}"
                ) from error
            tally.other[f"offsets {HOWS[how]}"] += 1
    return tally


def _attempt(made: Office, cut: Cut) -> int:
    provider, oracle, account = made.provider, Oracle(), made.account()
    for octets in made.letters:
        oracle.accept(octets)
    provider.heal(cut)
    result = made.poll(account, patience_s=IMPATIENT_S if cut.how in SILENT else PROGRESS_TIMEOUT_S)
    assert cut.how != "slice" or result.error is None, result.error
    assert result.error is None or result.error.code != "BR-BUG-01", result.error
    provider.hang_up()
    oracle.look(made.look(account), provider.upstream())
    provider.heal()
    for _ in range(POLLS):
        result = made.poll(account)
        oracle.look(made.look(account), provider.upstream())
        if result.error is None and not result.fetched:
            break
    assert result.error is None, result.error
    oracle.look(made.look(account), provider.upstream(), final=True)
    return oracle.looks


def through_daemon(world: World, seed: int, *, policy: str = "keep", cuts: int = 6) -> Tally:
    """Cuts at random octets of the daemon's sessions, judged over IMAP."""
    chance, tally = chance_of(f"daemon-wire {policy}", seed), Tally()
    secure = chance.random() < 0.3
    with world.house(policy, secure=secure, hides=chance.random() < 0.5) as house:
        life = house.start()
        assert life.ready(), house.logged()
        for number in range(cuts):
            house.deliver(letters(chance, 3, 3 * number))
            how = chance.choice([how for how in HOWS if how not in SILENT])
            house.provider.open.set()
            house.provider.heal(Cut(chance.randint(1, 3000), how))
            life.sync()
            house.provider.hang_up()
            house.oracle.look(life.look(), house.provider.upstream())
            tally.other["daemon cuts"] += 1
        life.stop()
        refuse_faults(house.logged())
        # What is blamed for a cut is tried last, and alone.
        last_life(house, ordered=False)
        tally.looks = house.oracle.looks
    return tally
