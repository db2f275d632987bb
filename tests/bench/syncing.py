"""What clients wait while a first sync runs beside them."""

import subprocess
import sys
import threading
from collections.abc import Iterator

from tests.bench import alone, fill
from tests.bench.client import Client
from tests.bench.corpus import corpus
from tests.bench.figure import Figure, Unit, percentile
from tests.bench.servers import DovecotBoth
from tests.e2e.daemon import add_account

MESSAGES = 2000
PAUSE_S = 0.002
COMMANDS = {
    "NOOP": b"NOOP",
    "FETCH of an overview": b"FETCH 1:50 (UID FLAGS ENVELOPE)",
    "STORE": b"STORE 1 +FLAGS (\\Seen)",
}


def run() -> Iterator[Figure]:
    """The 99th percentile of each command, idle and while another account is synced."""
    upstream = DovecotBoth()
    try:
        for number, octets in enumerate(corpus(MESSAGES)):
            upstream.deliver(octets, number)
        with alone.folder() as data:
            fill.copy_small(data, 300)
            with alone.running(data) as daemon:
                calm = _waits(daemon.port("imap"), threading.Timer(3, lambda: None))
                add_account(data, upstream.port, login="bob", password="secret")
                sync = threading.Thread(
                    target=subprocess.run,
                    args=([sys.executable, "-m", "bridge", "--data", str(data), "sync", "bob"],),
                    kwargs={"stderr": subprocess.DEVNULL},
                )
                busy = _waits(daemon.port("imap"), sync)
    finally:
        upstream.stop()
    for name in COMMANDS:
        yield Figure(
            name=f"{name} while another account's first sync runs, p99",
            size=MESSAGES,
            ours=percentile(busy[name], 0.99),
            peer=percentile(calm[name], 0.99),
            unit=Unit.MS,
        )


def _waits(port: int, meanwhile: threading.Thread) -> dict[str, list[float]]:
    """Milliseconds of each command as long as `meanwhile` runs."""
    client = Client(port)
    client.ask(b"SELECT INBOX")
    waits: dict[str, list[float]] = {name: [] for name in COMMANDS}
    meanwhile.start()
    while meanwhile.is_alive():
        for name, command in COMMANDS.items():
            waits[name].append(client.timed(command) * 1000)
        meanwhile.join(PAUSE_S)
    client.close()
    return waits
