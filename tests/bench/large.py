"""A 200 MB message comes in and goes out: how far the daemon's memory rises."""

import sys
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench import alone
from tests.bench.client import Client
from tests.bench.figure import Figure, Unit
from tests.bench.processes import high_water_octets, reset_high_water
from tests.e2e.daemon import add_account
from tests.pop_server import PopServer

OCTETS = 200_000_000
SLICE = 1 << 20
BAR_MIB = 32.0

_LINE = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n"
_HEAD = (
    b"From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nhere it is\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)


def run() -> Iterator[Figure]:
    """The rise of VmHWM at each step, from what the daemon used before it."""
    octets = _HEAD + _LINE * ((OCTETS - len(_HEAD)) // len(_LINE)) + b"--b--\r\n"
    slices = [b"FETCH 1 BODY.PEEK[]<%d.%d>" % (n, SLICE) for n in range(0, OCTETS, SLICE)]
    with alone.folder() as data, PopServer(messages=[octets], uidls=[b"large"]) as upstream:
        add_account(data, upstream.port, password="secret")
        with alone.running(data, POPBRIDGE_LIMITS_APPEND=f"{2 * OCTETS}B") as daemon:
            pid = daemon.process.pid
            client = Client(daemon.port("imap"))
            yield _rise(pid, "comes in by POP3", partial(_wait, client))
            for name, commands in (
                ("goes out whole", [b"FETCH 1 BODY.PEEK[]"]),
                ("goes out by part", [b"FETCH 1 BODY.PEEK[2]"]),
                ("goes out by slices", slices),
                ("comes in by APPEND", [b"APPEND Sent {%d+}\r\n%b" % (len(octets), octets)]),
            ):
                yield _rise(pid, name, partial(client.ask_many, commands))
            client.close()


def _rise(pid: int, name: str, work: Callable[[], object]) -> Figure:
    reset_high_water(pid)
    before = high_water_octets(pid)
    work()
    rise = (high_water_octets(pid) - before) / 2**20
    print(f"200 MB {name}: {rise:.1f} MiB", file=sys.stderr)
    return Figure(
        name=f"memory while a 200 MB message {name}; octets",
        size=OCTETS,
        ours=rise,
        peer=None,
        unit=Unit.MIB,
        bar=BAR_MIB,
    )


def _wait(client: Client) -> None:
    """Until the message is there: the daemon fetches by itself."""
    client.ask(b"SELECT INBOX")
    client.idle()
    while b"EXISTS" not in client.wait_line():
        pass
    client.done()
