"""Debian's other POP3 servers in front: odd mail comes over as they send it, and once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.all import messages
from tests.e2e.daemon import Daemon, configure, popbridge
from tests.e2e.mail import letters
from tests.e2e.peers import PASSWORD, Courier, Cyrus, Mailutils, Peer, retrieved

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
LETTERS = 100


@pytest.fixture(
    params=[Courier, Cyrus, Mailutils],
    ids=lambda kind: kind.__name__,
)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    server: Peer = request.param()
    yield server
    server.stop()


def delivered(peer: Peer) -> list[bytes]:
    """What the server holds, as it sends it; it is what was delivered, in its store's form."""
    odd = [odd.octets for odd in messages() if peer.takes(odd.octets)]
    mail = [*odd, *letters(LETTERS, 1_000_000, seed=4)]
    peer.deliver(mail)
    first = retrieved(peer, ask_uidls=False)
    # GNU mailutils writes header fields anew where they are odd.
    plain = -LETTERS if isinstance(peer, Mailutils) else 0
    assert first[plain:] == list(map(peer.sends, mail))[plain:]
    # It notes in fields of the message that it was read and what its UIDL is; then it stays so.
    retrieved(peer)
    held = retrieved(peer)
    assert len(held) == len(mail) > 800
    return held


def add(data: Path, peer: Peer, *options: str) -> None:
    user = peer.user.replace("@", "%40")
    done = popbridge(
        data, "account", "add", "alice", "--pop3", f"pop3+plain://{user}@127.0.0.1:{peer.port}",
        "--pop3-password-file", "-", "--password-file", "-", *options,
        text=f"{PASSWORD}\ndevice\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def synced(data: Path) -> dict[str, Any]:
    done = popbridge(data, "sync", "--json", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    [account] = json.loads(done.stdout)
    found: dict[str, Any] = account
    return found


def over_imap(data: Path) -> list[bytes]:
    """Every message by UID, which begin at 1 and have no gap."""
    daemon = Daemon(data)
    try:
        with daemon.client() as client:
            client.select_folder("INBOX", readonly=True)
            uids = client.search()
            found = [
                items[b"BODY[]"]
                for start in range(0, len(uids), 200)
                for _, items in sorted(
                    client.fetch(uids[start : start + 200], ["BODY.PEEK[]"]).items()
                )
            ]
        assert uids == list(range(1, len(uids) + 1))
    finally:
        assert daemon.stop() == 0
    return found


def test_odd_mail_comes_over_in_order_and_a_second_sync_brings_nothing(
    peer: Peer, tmp_path: Path
) -> None:
    held = delivered(peer)
    data = tmp_path / "data"
    configure(data)
    add(data, peer)
    first = synced(data)
    assert (first["listed"], first["fetched"]) == (len(held), len(held))
    assert first["octets"] == sum(map(len, held))
    second = synced(data)
    assert (second["listed"], second["fetched"], second["deleted"]) == (len(held), 0, 0)
    # A NUL can't be in a quoted string or a literal of IMAP.
    assert over_imap(data) == [octets.replace(b"\0", b"\x80") for octets in held]
    assert retrieved(peer) == held
