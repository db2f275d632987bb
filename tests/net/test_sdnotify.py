import os
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from bridge.net.sdnotify import notify, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(tmp_path / "notify") if request.param == "path" else f"\0{token_hex(8)}")
    made.settimeout(60)
    yield made
    made.close()


def shown(listener: socket.socket) -> str:
    name = listener.getsockname()
    return name if isinstance(name, str) else "@" + name[1:].decode()


def test_systemd_is_told(listener: socket.socket) -> None:
    assert notify("READY=1\nSTATUS=ok", {"NOTIFY_SOCKET": shown(listener)})
    assert listener.recv(100) == b"READY=1\nSTATUS=ok"


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/at/all", "@nobody-is-here", "/" * 300])
def test_nobody_who_listens_is_no_fault(name: str) -> None:
    assert not notify("READY=1", {"NOTIFY_SOCKET": name})
    assert not notify("READY=1", {})


def test_a_full_queue_does_not_block(listener: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": shown(listener)}
    for _ in range(100_000):
        if not notify("WATCHDOG=1", environ):
            return
    pytest.fail("the queue was never full")


def test_half_of_what_the_watchdog_allows() -> None:
    assert watchdog_interval_s({"WATCHDOG_USEC": "60000000"}) == 30
    own = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}
    assert watchdog_interval_s(own) == 0.5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog(environ: dict[str, str]) -> None:
    assert watchdog_interval_s(environ) is None
