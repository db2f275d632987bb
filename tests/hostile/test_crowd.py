"""Hostile clients at a real daemon. What they take of a quiet one's time is for `make hostile` to
judge; here only what is grossly wrong fails, for others use this machine too."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.bench.client import Client
from tests.e2e.daemon import Daemon
from tests.hostile import house
from tests.hostile.crowd import KINDS
from tests.hostile.quiet import compare, crowd
from tests.soak.house import descriptors, metrics

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FLOORS_S = {"NOOP": 1.0, "FETCH 1 FLAGS": 1.0, "SELECT INBOX": 4.0}
"""SELECT claims \\Recent, and waits for a disk that may not be ours alone."""

GROWTH_OCTETS = 48 << 20
"""Of 110 connections, of which ten asked for 200 MB each and 10 sent half a message of 1.5 MB."""

STRANGERS = 400


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = house.start(tmp_path_factory.mktemp("hostile"), files=house.FILES)
    yield made
    made.kill()


def test_strangers_leave_files_for_owners(daemon: Daemon) -> None:
    with ExitStack() as held:
        for _ in range(STRANGERS):
            held.enter_context(silent(daemon.port("imap")))
        client = Client(daemon.port("imap"), login=b"alice")
        client.ask(b"SELECT INBOX")
        assert descriptors(daemon.process.pid) > STRANGERS > house.FILES
        client.close()


def silent(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=120)
    made.recv(1)
    return made


def test_who_never_reads_costs_no_memory(daemon: Daemon) -> None:
    client = Client(daemon.port("imap"))
    daemon.reset_high_water()
    before = daemon.high_water_octets()
    with crowd(daemon.port("imap"), daemon.port("imaps"), ["deaf", "stall", "bomb"]):
        for _ in range(30):
            client.ask(b"NOOP")
            client.ask(b"STATUS INBOX (MESSAGES UNSEEN)")
    assert daemon.high_water_octets() - before < GROWTH_OCTETS
    client.close()


def test_a_quiet_client_is_served_beside_a_crowd(daemon: Daemon) -> None:
    found = compare(daemon.port("imap"), daemon.port("imaps"), list(KINDS), 2, 0.8)
    late = [str(one) for one in found if not one.is_within(FLOORS_S[one.command])]
    assert not late, late
    told = metrics(daemon.run["metrics"][0])
    assert told["popbridge_unhandled_errors_total"] == 0, daemon.logged()
    assert told['popbridge_limits_reached_total{limit="bad_commands"}'] > 0
    assert "fault" not in daemon.logged() and "Traceback" not in daemon.logged()
