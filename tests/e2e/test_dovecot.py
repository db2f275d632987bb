"""A real Dovecot POP3 server in front, an IMAP client behind, the daemon killed in between."""

import hashlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.e2e.dovecot import Dovecot, need_dovecot
from tests.e2e.mail import letters
from tests.e2e.proxy import CountingProxy
from tests.leftovers import end_behind_the_test

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MESSAGES, OCTETS = 2000, 32_000_000
KILLS = 50


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    need_dovecot()
    server = Dovecot()
    yield server
    server.stop()


def hashes(daemon: Daemon) -> dict[int, str]:
    """SHA-256 of each message by UID."""
    found: dict[int, str] = {}
    with daemon.client() as client:
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for start in range(0, len(uids), 200):
            answer = client.fetch(uids[start : start + 200], ["BODY.PEEK[]"])
            for uid, items in answer.items():
                found[uid] = hashlib.sha256(items[b"BODY[]"]).hexdigest()
    return found


def test_two_thousand_messages_come_over_as_they_are(dovecot: Dovecot, tmp_path: Path) -> None:
    mail = letters(MESSAGES, OCTETS, seed=1)
    for number, octets in enumerate(mail):
        dovecot.deliver(octets, number)
    data = tmp_path / "data"
    configure(data)
    add_account(data, dovecot.port)
    done = popbridge(data, "sync", "--json", timeout=900)
    assert done.returncode == 0, done.stderr
    assert f'"fetched": {MESSAGES}' in done.stdout
    daemon = Daemon(data)
    try:
        found = hashes(daemon)
    finally:
        assert daemon.stop() == 0
    assert list(found) == sorted(found) == list(range(1, MESSAGES + 1))
    assert list(found.values()) == [hashlib.sha256(octets).hexdigest() for octets in mail]


def test_fifty_kills_lose_double_and_move_nothing(dovecot: Dovecot, tmp_path: Path) -> None:
    """Promises 1, 2 and 6; where each kill falls is given by the octets that have passed."""
    mail = letters(MESSAGES, OCTETS, seed=2)
    for number, octets in enumerate(mail):
        dovecot.deliver(octets, number)
    expected = [hashlib.sha256(octets).hexdigest() for octets in mail]
    proxy = CountingProxy(dovecot.port)
    end_behind_the_test(proxy.stop)
    data = tmp_path / "data"
    configure(data, interval="1s")
    add_account(data, proxy.port)
    seeded = Random(3)
    seen: dict[int, str] = {}
    for kill in range(KILLS):
        # The listing is about 80 kB; most kills fall behind it, a few before.
        proxy.limit = seeded.randrange(100) if kill % 10 == 9 else seeded.randrange(1_300_000)
        reached = threading.Event()
        proxy.reached = reached.set
        daemon = Daemon(data)
        if kill % 10 == 5:
            now = hashes(daemon)
            assert all(now[uid] == digest for uid, digest in seen.items()), "a UID has changed"
            seen = now
        assert reached.wait(300), daemon.logged()[-3000:]
        daemon.kill()
    done = popbridge(data, "sync", "--json", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    proxy.stop()
    daemon = Daemon(data)
    try:
        found = hashes(daemon)
    finally:
        daemon.stop()
    assert all(found[uid] == digest for uid, digest in seen.items())
    assert list(found.values()) == expected
    log = dovecot.log.read_text()
    ended = re.findall(r"Disconnected: (.*?) top=0/0, retr=(\d+)/", log)
    within = [retr for why, retr in ended if int(retr) and "Logged out" not in why]
    assert len(within) >= KILLS / 2, f"only {len(within)} kills fell between RETR and QUIT"
