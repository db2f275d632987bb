"""What idle connections and selected messages hold in memory."""

import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench import alone, fill
from tests.bench.client import Client
from tests.bench.corpus import small
from tests.bench.figure import Figure, Unit
from tests.bench.processes import allow_files, memory_octets
from tests.bench.secure import DovecotSecure

CONNECTIONS = 1000
DOVECOT_CONNECTIONS = 200
"""It has a process for each: as many as ours would take minutes to begin."""

WARM_UP = 10
"""Connections that come and go first: what any first ones cost isn't theirs."""

BARS_KIB = {"plain": 16.0, "TLS": 48.0}
MESSAGES = 300
SETTLE_S = 1.0

SELECTED = (20_000, 200_000)
SESSIONS = 5
BAR_OCTETS = 24.0


def connections() -> Iterator[Figure]:
    """Memory of a connection that is logged in, has INBOX selected and idles."""
    allow_files(3 * CONNECTIONS)
    theirs = _dovecot()
    with alone.folder() as data:
        fill.copy_small(data, MESSAGES)
        for kind, scheme in (("plain", "imap"), ("TLS", "imaps")):
            # A process each: the second would live in what the first has left.
            with alone.running(data) as daemon:
                port, tls = daemon.port(scheme), kind == "TLS"
                ours = _each(daemon.process.pid, port, CONNECTIONS, tls=tls)
            yield Figure(
                name=f"memory of an idle connection, {kind}",
                size=CONNECTIONS,
                ours=ours,
                peer=theirs[kind],
                unit=Unit.KIB,
                bar=BARS_KIB[kind],
            )


def selected() -> Iterator[Figure]:
    """Memory of a selected message where several sessions have the mailbox selected."""
    for count in SELECTED:
        with alone.folder() as data:
            fill.copy_small(data, count)
            with alone.running(data) as daemon:
                port, pid = daemon.port("imap"), daemon.process.pid
                # What reading it takes for a moment stays with the process, and isn't its.
                _select(port, 1, lambda: 0)
                before = _settled(pid)
                octets = _select(port, SESSIONS, partial(_settled, pid)) - before
                yield Figure(
                    name=f"memory of a selected message, {SESSIONS} sessions together",
                    size=count,
                    ours=octets / count,
                    peer=None,
                    unit=Unit.OCTETS,
                    bar=BAR_OCTETS,
                )


def _select(port: int, sessions: int, look: Callable[[], int]) -> int:
    """What `look` returns while so many sessions have INBOX selected."""
    clients = [Client(port) for _ in range(sessions)]
    for client in clients:
        client.ask(b"SELECT INBOX")
    found = look()
    for client in clients:
        client.ask(b"UNSELECT")
        client.close()
    return found


def _dovecot() -> dict[str, float]:
    dovecot = DovecotSecure()
    try:
        for number, octets in enumerate(small(MESSAGES)):
            dovecot.deliver(octets, number)
        return {
            "plain": _each(dovecot.pid, dovecot.imap_port, DOVECOT_CONNECTIONS, tls=False),
            "TLS": _each(dovecot.pid, dovecot.imaps_port, DOVECOT_CONNECTIONS, tls=True),
        }
    finally:
        dovecot.stop()


def _each(pid: int, port: int, count: int, *, tls: bool) -> float:
    """KiB by which the server grows with each of `count` connections."""
    for client in [_idling(port, tls=tls) for _ in range(WARM_UP)]:
        client.close()
    before = _settled(pid)
    clients = [_idling(port, tls=tls) for _ in range(count)]
    after = _settled(pid)
    for client in clients:
        client.close()
    _settled(pid)
    return (after - before) / count / 1024


def _idling(port: int, *, tls: bool) -> Client:
    client = Client(port, tls=tls)
    client.ask(b"SELECT INBOX")
    client.idle()
    return client


def _settled(pid: int) -> int:
    time.sleep(SETTLE_S)
    return memory_octets(pid)
