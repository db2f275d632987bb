"""`python -m tests.bench.pop`: a first sync by popbridge, mpop and fetchmail, taking turns.

Into an empty store, an mbox or, for fetchmail, an MDA that throws all away. Peers are timed from
the start of their process to its end; popbridge tells how long it took, as its daemon has long
been started when it fetches. How long the whole command took goes to stderr.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.compare import Timing
from tests.bench.corpus import corpus
from tests.bench.delay import DelayProxy
from tests.bench.servers import DovecotBoth
from tests.e2e.daemon import add_account, configure

MESSAGES = 2000
ROUND_TRIPS_MS = (0, 40, 100)
FETCHMAIL_MESSAGES = 100
"""What fetchmail gets to fetch from far away: its time is a multiple of the number."""

PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Fetcher:
    """A program; `bars` is our time as a multiple of its own, by round trip in ms."""

    name: str
    fetch: Callable[[Path, int], float]
    bars: dict[int, float]


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pop")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--round-trips", type=int, nargs="+", default=ROUND_TRIPS_MS, help="in ms")
    options = parser.parse_args()
    for one in timings(options.messages, options.rounds, options.round_trips):
        peer = one.peer_s or 0
        print(f"{one.name}: {one.ours_s:.2f} s, {peer:.2f} s, {one.ratio:.3f}, {one.verdict}")


def timings(
    messages: int = MESSAGES, rounds: int = 3, round_trips_ms: Sequence[int] = ROUND_TRIPS_MS
) -> list[Timing]:
    """A row for each round trip and peer; medians over `rounds`."""
    found: list[Timing] = []
    dovecot, few = DovecotBoth(), DovecotBoth()
    try:
        for number, octets in enumerate(corpus(messages)):
            dovecot.deliver(octets, number)
            if number < FETCHMAIL_MESSAGES:
                few.deliver(octets, number)
        for milliseconds in round_trips_ms:
            found += _from_afar(dovecot.port, few.port, messages, rounds, milliseconds)
    finally:
        dovecot.stop()
        few.stop()
    return found


def _from_afar(port: int, few: int, messages: int, rounds: int, milliseconds: int) -> list[Timing]:
    spent: dict[str, list[float]] = {one.name: [] for one in FETCHERS}
    scale = max(1.0, messages / FETCHMAIL_MESSAGES)
    with (
        DelayProxy(port, milliseconds / 1000) as far,
        DelayProxy(few, milliseconds / 1000) as far_few,
    ):
        # Nothing lies between them and the server where the distance is none.
        ports = (far.port, far_few.port) if milliseconds else (port, few)
        for number in range(rounds + 1):
            for one in FETCHERS:
                slow = one.name == "fetchmail"
                seconds = _timed(one, ports[slow]) * (scale if slow else 1)
                # The first round fills caches, Dovecot's of sizes among them.
                if number:
                    spent[one.name].append(seconds)
                print(f"{milliseconds} ms: {one.name}: {seconds:.2f} s", file=sys.stderr)
    ours, *peers = FETCHERS
    return [
        Timing(
            name=f"first sync at {milliseconds} ms, {peer.name}",
            size=messages,
            ours_s=statistics.median(spent[ours.name]),
            peer_s=statistics.median(spent[peer.name]),
            bar=peer.bars.get(milliseconds, 1.0),
        )
        for peer in peers
    ]


def _timed(fetcher: Fetcher, port: int) -> float:
    folder = Path(tempfile.mkdtemp(prefix="popbridge-bench-"))
    try:
        if fetcher.name == "popbridge":
            configure(folder)
            add_account(folder, port, password="secret")
        return fetcher.fetch(folder, port)
    finally:
        shutil.rmtree(folder)


def _popbridge(folder: Path, port: int) -> float:
    command = (sys.executable, "-m", "bridge", "--data", str(folder), "sync", "--json")
    seconds, told = _run(*command)
    (account,) = json.loads(told)
    assert account["error"] is None, account
    print(f"popbridge with its start: {seconds:.2f} s", file=sys.stderr)
    return float(account["seconds"])


def _mpop(folder: Path, port: int) -> float:
    settings = f"""
account default
host 127.0.0.1
port {port}
user alice
password secret
auth user
keep on
uidls_file {folder}/uidls
delivery mbox {folder}/mbox
received_header off
"""
    return _run("mpop", "-q", "-C", str(_private(folder / "mpoprc", settings)))[0]


def _fetchmail(folder: Path, port: int) -> float:
    settings = f"""
set idfile "{folder}/ids"
set pidfile "{folder}/pid"
poll 127.0.0.1 service {port} protocol pop3 auth password
  user alice password secret keep no rewrite sslproto "" mda "/bin/cat >/dev/null"
"""
    return _run("fetchmail", "-s", "--nosyslog", "-f", str(_private(folder / "rc", settings)))[0]


def _private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def _run(*command: str) -> tuple[float, bytes]:
    """Seconds that it took, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=PATIENCE_S,
        env=os.environ | {"HOME": tempfile.gettempdir()},
    )
    seconds = time.perf_counter() - began
    assert done.returncode == 0, (command, done.returncode, done.stderr)
    return seconds, done.stdout


FETCHERS = (
    Fetcher("popbridge", _popbridge, {}),
    Fetcher("mpop", _mpop, {0: 1.5, 40: 1.0}),
    Fetcher("fetchmail", _fetchmail, {40: 1 / 40}),
)


if __name__ == "__main__":
    main()
