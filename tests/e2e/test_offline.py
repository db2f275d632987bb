"""Real mail programs that were away for a day catch up: nothing is missing, nothing too much."""

import re
from pathlib import Path

import pytest

from tests.e2e.clients.mbsync import Mbsync
from tests.e2e.clients.mutt import Mutt
from tests.e2e.clients.neomutt import Neomutt
from tests.e2e.clients.offlineimap import Offlineimap
from tests.e2e.clients.port import Client, Login
from tests.e2e.clients.relay import From
from tests.e2e.clients.service import Service
from tests.e2e.daemon import popbridge
from tests.e2e.test_clients import NEW, PLAIN, service, strictly_follow, template, upstream

__all__ = ["service", "template", "upstream"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

QUICK = """
set imap_condstore=yes
set imap_qresync=yes
"""


class QuickMutt(Mutt):
    """With a cache of headers, and QRESYNC to bring it up to date."""

    headers = 1
    """That it asks for: of what is new."""

    def _settings(self, login: Login) -> str:
        cache = f'set header_cache="{self._home}/headers"'
        return super()._settings(login).replace('set header_cache=""', cache) + QUICK


class QuickNeomutt(QuickMutt, Neomutt):
    """As mutt, but that it asks again for those that what is gone stood before."""

    headers = 3


@pytest.fixture
def legible(service: Service, tmp_path: Path) -> Service:
    """What goes over the wire can be read along."""
    done = popbridge(tmp_path / "data", "account", "set", "alice", "--withhold", "COMPRESS")
    assert done.returncode == 0, done.stderr
    return service


def a_day_passes(service: Service) -> None:
    """Others flag 2, move 3, expunge 4 and bring 9."""
    with service.daemon.client() as other:
        other.select_folder("INBOX")
        other.add_flags([2], [b"\\Flagged"])
        other.move([3], "Archive")
        other.delete_messages([4])
        other.expunge()
        other.append("INBOX", NEW)


@pytest.mark.parametrize("program", [QuickMutt, QuickNeomutt])
def test_qresync_tells_a_program_with_a_cache_all(
    program: type[QuickMutt], legible: Service, tmp_path: Path
) -> None:
    service = legible
    with program(service.login(PLAIN), tmp_path) as client:
        assert client.numbers() == {1, 2, 3, 4, 5, 6}
    a_day_passes(service)
    with program(service.login(PLAIN), tmp_path) as client:
        shown = client.do("")
        assert client.numbers() == {1, 2, 5, 6, 9}
        assert re.search(r"!.*number 2$", shown, re.MULTILINE), shown
        assert not re.search(r"!.*number [1569]$", shown, re.MULTILINE), shown
        # What it then does, it does to the right messages.
        client.flag(6)
    with service.daemon.client() as other:
        other.select_folder("INBOX", readonly=True)
        flagged = other.search(["FLAGGED"])
        assert flagged == [2, 6]
    exchange = service.relay.exchanges[-1]
    assert b" VANISHED)" in exchange.of(From.CLIENT)
    assert b"* VANISHED (EARLIER) 3:4\r\n" in exchange.of(From.SERVER)
    assert len(re.findall(rb"BODY\[HEADER", exchange.of(From.SERVER))) == program.headers
    for one in service.relay.exchanges:
        strictly_follow(one.pieces)


@pytest.mark.parametrize("program", [Mbsync, Offlineimap])
def test_programs_that_keep_copies_fetch_what_is_new(
    program: type[Client], legible: Service, tmp_path: Path
) -> None:
    service = legible
    with program(service.login(PLAIN), tmp_path) as client:
        assert client.numbers() == {1, 2, 3, 4, 5, 6}
        before = len(service.relay.exchanges)
        a_day_passes(service)
        client.reconnect()
        assert client.numbers() == {1, 2, 5, 6, 9}
        asked = b"".join(one.of(From.CLIENT) for one in service.relay.exchanges[before:])
        assert b"APPEND" not in asked
        bodies = b"".join(one.of(From.SERVER) for one in service.relay.exchanges[before:])
        # One that came, and one that was moved to where it wasn't before.
        assert len(re.findall(rb"BODY\[\] ", bodies)) == 2
    for one in service.relay.exchanges:
        strictly_follow(one.pieces)
