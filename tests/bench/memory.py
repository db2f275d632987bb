"""What idle connections and selected messages hold in memory."""

import time
from collections.abc import Iterator

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

SELECTED = 20_000
MAILBOXES = 12
"""Copies of one, of which the first two aren't counted."""

SESSIONS = 3
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Has what was needed for a moment returned at once: else what is held later would hide in it."""

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
    """Memory of a selected message, where several sessions have each mailbox selected."""
    names = [b"Box%d" % number for number in range(MAILBOXES)]
    with alone.folder() as data:
        fill.copy_small(data, SELECTED)
        with alone.running(data, **GIVES_BACK) as daemon:
            port, pid = daemon.port("imap"), daemon.process.pid
            first = Client(port)
            first.ask(b"SELECT INBOX")
            for name in names:
                first.ask_many([b"CREATE " + name, b"COPY 1:* " + name])
            # Each reader's own memory isn't the mailboxes'.
            first.ask_many([b"SELECT " + name for name in names])
            held = [first, *_selecting(port, names[0]), *_selecting(port, names[1])]
            before = _settled(pid)
            for name in names[2:]:
                held += _selecting(port, name)
            octets = _settled(pid) - before
            for client in held:
                client.close()
    yield Figure(
        name=f"memory of a selected message, {SESSIONS} sessions a mailbox",
        size=SELECTED * len(names[2:]),
        ours=octets / len(names[2:]) / SELECTED,
        peer=None,
        unit=Unit.OCTETS,
        bar=BAR_OCTETS,
    )


def _selecting(port: int, name: bytes) -> list[Client]:
    clients = [Client(port) for _ in range(SESSIONS)]
    for client in clients:
        client.ask(b"SELECT " + name)
    return clients


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
