"""`python -m tests.bench.pop_latency`: how long clients wait while a first sync runs on loopback.

A daemon fetches alice's mailbox for the first time. Meanwhile one client goes about in bob's small
mailbox and one in alice's own: SELECT, FETCH of flags, FETCH of a header, STORE, a pause, again.
"""

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.client import Client
from tests.bench.corpus import corpus
from tests.bench.servers import DovecotBoth
from tests.e2e.daemon import Daemon, add_account, configure, popbridge

MESSAGES = 20_000
OTHERS = 50
PAUSE_S = 0.02
"""Between rounds: a person's client isn't always busy."""

BAR_S = 0.05
COMMANDS = ("SELECT", "FETCH FLAGS", "FETCH HEADER", "STORE")


@dataclass(slots=True)
class Waits:
    """Seconds that each command took, in the order of the rounds."""

    login: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {c: [] for c in COMMANDS})

    def lines(self) -> Iterator[str]:
        """What is printed: a line for each command."""
        for command, found in self.seconds.items():
            if not found:
                yield f"{self.login}: {command}: never"
                continue
            ordered = sorted(found)
            at = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99)]
            told = ", ".join(
                f"{name} {1000 * value:.1f} ms"
                for name, value in zip(
                    ("p50", "p95", "p99", "max"), [*at, ordered[-1]], strict=True
                )
            )
            verdict = "met" if at[-1] <= BAR_S else f"missed {at[-1] / BAR_S:.1f} times"
            yield f"{self.login}: {command}: {told} ({len(ordered)} tries; {verdict})"


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pop_latency")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    messages = parser.parse_args().messages
    seconds, waits = measured(messages)
    print(f"first sync of {messages} messages: {seconds:.1f} s")
    for one in waits:
        print("\n".join(one.lines()))


def measured(messages: int = MESSAGES) -> tuple[float, list[Waits]]:
    """Seconds that the first sync took, and what clients waited meanwhile."""
    waits = [Waits("bob"), Waits("alice")]
    with _daemon(messages) as daemon:
        began = time.perf_counter()
        stop = threading.Event()
        clients = [
            threading.Thread(target=_go_about, args=(daemon, one, stop), daemon=True)
            for one in waits
        ]
        for client in clients:
            client.start()
        while f"{messages} messages were fetched" not in daemon.logged():
            assert daemon.process.poll() is None, daemon.logged()
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        stop.set()
        for client in clients:
            client.join()
    return seconds, waits


@contextmanager
def _daemon(messages: int) -> Iterator[Daemon]:
    """A daemon that has just begun to fetch alice's mail; bob's is all there."""
    folder = Path(tempfile.mkdtemp(prefix="popbridge-bench-"))
    many, few = DovecotBoth(), DovecotBoth()
    try:
        for number, octets in enumerate(corpus(messages)):
            many.deliver(octets, number)
        for number, octets in enumerate(corpus(OTHERS)):
            few.deliver(octets, number)
        configure(folder)
        add_account(folder, few.port, login="bob", password="secret")
        assert popbridge(folder, "sync").returncode == 0
        add_account(folder, many.port, password="secret")
        daemon = Daemon(folder)
        try:
            yield daemon
        finally:
            daemon.stop()
    finally:
        many.stop()
        few.stop()
        shutil.rmtree(folder)


def _go_about(daemon: Daemon, waits: Waits, stop: threading.Event) -> None:
    client, number = Client(daemon.port("imap"), login=waits.login.encode()), 0
    while not stop.is_set():
        number += 1
        uid = 1 + number * 7 % (OTHERS - 10)
        commands = (
            b"SELECT INBOX",
            b"UID FETCH %d:%d (FLAGS)" % (uid, uid + 10),
            b"UID FETCH %d BODY.PEEK[HEADER]" % uid,
            b"UID STORE %d %cFLAGS (\\Flagged)" % (uid, b"+-"[number // 40 % 2]),
        )
        for name, command in zip(COMMANDS, commands, strict=True):
            waits.seconds[name].append(client.timed(command))
        time.sleep(PAUSE_S)
    client.close()


if __name__ == "__main__":
    main()
