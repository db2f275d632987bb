"""Commands that owners of accounts name: what comes back, and that none outlives its time."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.admin.secrets import Output
from bridge.net import commands
from bridge.net.commands import MAX_STDERR, MAX_STDOUT, Commands
from tests import reactor

UNTIL_S = 60
PATIENCE_S = 2.0
"""Long enough for a shell to say what it says, on a busy machine too."""


def run(command: str, timeout_s: float = 100.0, **environ: str) -> Output:
    return reactor.run(lambda: made(timeout_s, environ).run(command))


_made: list[Commands] = []


def made(timeout_s: float, environ: dict[str, str]) -> Commands:
    reactor.start()
    found = Commands(reactor.reactor, {**os.environ, **environ}, timeout_s)
    _made.append(found)
    return found


@pytest.fixture(autouse=True)
def _stop() -> Iterator[None]:
    yield
    while _made:
        _made.pop().stop()


def alive(path: Path) -> bool:
    """Whether the process whose id the file has still runs; zombies don't."""
    try:
        status = Path(f"/proc/{path.read_text().strip()}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def until(holds: Callable[[], bool]) -> None:
    """A process that was sent SIGKILL is gone once it has had its turn, not before."""
    deadline = time.monotonic() + UNTIL_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_it_says_and_complains() -> None:
    assert run("echo one; echo two >&2; exit 3") == Output(3, b"one\n", b"two\n")
    assert run("echo $CANARY | tr a-z A-Z", CANARY="bird") == Output(0, b"BIRD\n")
    assert run("kill -9 $$").code == -9
    assert run("no-such-program").code == 127
    assert "secret" not in repr(run("echo secret; echo secret >&2"))


def test_it_has_no_input_no_terminal_and_not_the_words_to_systemd() -> None:
    assert run("cat; echo $NOTIFY_SOCKET", NOTIFY_SOCKET="/x") == Output(0, b"\n")


def test_it_ends_when_its_time_is_over_with_all_it_began(tmp_path: Path) -> None:
    child = tmp_path / "child"
    began = time.monotonic()
    output = run(f"sleep 600 & echo $! > {child}; echo half; wait", timeout_s=PATIENCE_S)
    assert (output.code, output.said) == (None, b"half\n")
    assert PATIENCE_S <= time.monotonic() - began < 300
    until(lambda: not alive(child))


def test_who_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "GRACE_S", 0.2)
    me = tmp_path / "me"
    endless = f"trap '' TERM; echo $$ > {me}; while :; do sleep 0.1; done"
    assert run(endless, PATIENCE_S).code is None
    assert me.exists()
    until(lambda: not alive(me))


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    child = tmp_path / "child"
    output = run(f"sleep 600 & echo $! > {child}; echo token")
    assert output == Output(0, b"token\n")
    os.kill(int(child.read_text()), 9)


def test_what_is_too_long_ends_it_and_complaints_are_cut() -> None:
    output = run("yes")
    assert output.too_long and output.code is None
    assert len(output.said) <= MAX_STDOUT + (1 << 16)
    output = run("yes no | head -c 1000000 >&2; echo end")
    assert (output.code, output.said, len(output.complained)) == (0, b"end\n", MAX_STDERR)


def test_stopping_ends_what_runs(tmp_path: Path) -> None:
    me = tmp_path / "me"
    running = made(600, {})
    outcome: list[Output] = []

    async def go() -> None:
        outcome.append(await running.run(f"echo $$ > {me}; sleep 600"))

    def begin() -> None:
        from twisted.internet.defer import Deferred

        Deferred.fromCoroutine(go())

    reactor.reactor.callFromThread(begin)
    until(lambda: me.exists() and bool(me.read_text()))
    running.stop()
    until(lambda: not alive(me))
