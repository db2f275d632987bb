"""Eight failures, brought about by what really causes them: page, CLI and metrics tell each alike.

All happen to one daemon at once, so that it need be started once; the full disk comes last, for
then nothing more can be written down.
"""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.e2e.daemon import Daemon, popbridge
from tests.e2e.ports import free_port
from tests.failures.surfaces import Page, Seen, look, scraped, words
from tests.pop_server import HOST, Faults, PopServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WAIT_S = 120
ROOM = 16 << 20
MAIL = [b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(24)]
CONFIG = """
[store]
reserve = "0B"
[imap]
listen = ["imap://127.0.0.1:0", "imaps://127.0.0.1:{taken}"]
[web]
listen = ["http://127.0.0.1:0"]
[metrics]
listen = ["http://127.0.0.1:0"]
[sync]
interval = "1h"
"""


@dataclass
class World:
    """Where failures are made."""

    data: Path
    taken: int = field(default_factory=free_port)
    authority: trustme.CA = field(default_factory=trustme.CA)
    servers: dict[str, PopServer] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)
    mended: dict[str, Callable[[], None]] = field(default_factory=dict)
    accounts: str = ""

    def serve(self, login: str, server: PopServer, policy: str = "keep") -> PopServer:
        """An account at a server of its own; the policy as `account apply` has it."""
        self.servers[login] = self.stack.enter_context(server)
        scheme = "pop3s" if server.tls is not None else "pop3+plain"
        self.accounts += (
            f'[accounts.{login}]\npop3 = "{scheme}://alice@{HOST}:{server.port}"\n'
            f'pop3_password_file = "{self.data / "password"}"\npolicy = "{policy}"\n'
        )
        return server

    def add_accounts(self) -> None:
        """All at once."""
        password, file = self.data / "password", self.data / "accounts.toml"
        password.write_text("secret\n")
        password.chmod(0o600)
        file.write_text(self.accounts)
        done = popbridge(self.data, "account", "apply", str(file), "--yes")
        assert done.returncode == 0, done.stderr

    def context(self, *, expired: bool) -> ssl.SSLContext:
        """A server's, with a certificate that is over, or with a good one."""
        now = datetime.now(UTC)
        days = (-9, -1) if expired else (-9, 9)
        leaf = self.authority.issue_cert(
            HOST,
            not_before=now + timedelta(days=days[0]),
            not_after=now + timedelta(days=days[1]),
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(made)
        return made


def wrong_password(world: World) -> None:
    server = world.serve("password", PopServer(MAIL[:1], password="another"))
    world.mended["password"] = lambda: setattr(server, "password", "secret")


def host_gone(world: World) -> None:
    server = world.serve("gone", PopServer(MAIL[:1], listens=free_port()))
    server.stop()

    def back() -> None:
        world.stack.enter_context(PopServer(MAIL[:1], listens=server.port))

    world.mended["gone"] = back


def certificate_expired(world: World) -> None:
    server = PopServer(MAIL[:1], tls=world.context(expired=True))
    world.serve("certificate", server)
    world.mended["certificate"] = lambda: setattr(server, "tls", world.context(expired=False))


def mailbox_in_use(world: World) -> None:
    server = world.serve("inuse", PopServer(MAIL[:1], faults=Faults(in_use=True)))
    world.mended["inuse"] = lambda: setattr(server, "faults", Faults())


def poisoned_message(world: World) -> None:
    faults = Faults(refuse_retr=frozenset({2}))
    server = world.serve("poisoned", PopServer(MAIL[:3], faults=faults))

    def deleted_there() -> None:
        server.faults = Faults()
        del server.messages[1]

    world.mended["poisoned"] = deleted_there


def frozen_deletes(world: World) -> None:
    server = world.serve("frozen", PopServer(MAIL), "delete-after=30d")
    world.mended["frozen"] = lambda: server.messages.extend(MAIL)


def listener_down(world: World) -> None:
    other = world.stack.enter_context(socket.create_server((HOST, world.taken)))
    world.mended["listener"] = other.close


@dataclass(frozen=True)
class Failure:
    """How it is made, whose it is (None: the daemon's), and what is told of it."""

    make: Callable[[World], None]
    login: str | None
    code: str
    state: str
    """In `status --json`; of the daemon, a metric that is 0 meanwhile."""
    shown: str
    """The state on the page."""
    cause: str
    remedy: str


FAILURES = [
    Failure(wrong_password, "password", "BR-AUTH-01", "needs_password", "Needs a password",
            "rejected the user name or password", "Check both"),
    Failure(host_gone, "gone", "BR-POP-03", "retrying", "Failed, tries again",
            "refuses connections", "Check the port"),
    Failure(certificate_expired, "certificate", "BR-POP-04", "retrying", "Failed, tries again",
            "expired", "provider has to renew"),
    Failure(mailbox_in_use, "inuse", "BR-POP-07", "retrying", "Failed, tries again",
            "mailbox is in use", "Another program reads"),
    Failure(poisoned_message, "poisoned", "BR-POP-10", "ok", "Needs a look",
            "1 message can't be fetched", "webmail"),
    Failure(frozen_deletes, "frozen", "BR-POP-09", "frozen", "Deleting is frozen",
            "lists no message any more", "ask the provider"),
    Failure(listener_down, None, "BR-LISTEN-01", "listener_up", "A listener is down",
            "is taken by another program", "tried again"),
]  # fmt: skip


def full_disk(world: World) -> None:
    room = str(max(shutil.disk_usage(world.data.parent).used, 4096))
    resize(world.data.parent, int(room))


DISK = Failure(
    full_disk, None, "BR-STORE-02", "store_writable", "The store can't be written",
    "What is here can be read", "Free some space",
)  # fmt: skip


def resize(folder: Path, octets: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={octets}", folder], check=True)


@contextmanager
def memory(folder: Path) -> Iterator[bool]:
    """A file system in memory, if one can be had."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder], capture_output=True
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def told(failure: Failure, seen: Seen, began: datetime) -> None:
    """Page, CLI and metrics say what it is, since when, why and what to do."""
    [one] = [one for one in seen.problems(failure.login) if one["code"] == failure.code]
    since = datetime.fromisoformat(one["since"])
    assert began.replace(microsecond=0) <= since <= datetime.now(UTC), failure
    assert failure.cause in one["text"] and failure.remedy in one["remedy"], one
    read, since_s = words(seen.pages), seen.since_s(failure.login, failure.code)
    for shown in (failure.shown, one["text"], f"What to do: {one['remedy']}", one["code"]):
        assert shown.replace("`", "") in read, (shown, read)
    assert f'<time datetime="{one["since"]}"' in seen.pages
    for shown in (one["code"], one["since"], one["text"], one["remedy"]):
        assert shown in seen.text, (shown, seen.text)
    assert since_s is not None and int(since_s) == since.timestamp(), (failure, since_s)
    if failure.login is None:
        assert "popbridge: degraded" in seen.text
        listener = "imaps" if failure.state == "listener_up" else ""
        assert seen.series[failure.state, "", listener] == 0
    else:
        assert seen.account(failure.login)["state"] == failure.state
        assert f"{failure.login} (account " in seen.text
        assert seen.series["accounts_failing", "", failure.code] == 1


def over(failure: Failure, seen: Seen) -> None:
    """None of the three says anything of it any more."""
    codes = [one["code"] for one in seen.problems(failure.login)]
    assert failure.code not in codes, (failure, seen.problems(failure.login))
    assert failure.code not in seen.text and failure.shown not in words(seen.pages)
    assert seen.since_s(failure.login, failure.code) is None, failure
    if failure.login is None:
        assert seen.series["listener_up", "", "imaps"] == seen.series["store_writable", "", ""] == 1
    else:
        assert seen.account(failure.login)["state"] == "ok", seen.account(failure.login)
        assert seen.series["accounts_failing", "", failure.code] == 0


def until_it_listens(port: int) -> None:
    """Waits for the daemon, which tries a taken port again by itself."""
    deadline = time.monotonic() + WAIT_S
    while True:
        with socket.socket() as made:
            if made.connect_ex((HOST, port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_every_failure_is_told_alike_by_all_three_until_it_ends(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    with memory(tmp_path / "disk") as has_disk, ExitStack() as stack:
        world = World(tmp_path / "disk" / "data", stack=stack)
        world.data.mkdir()
        (world.data / "popbridge.toml").write_text(CONFIG.format(taken=world.taken))
        for one in FAILURES:
            one.make(world)
        world.add_accounts()
        roots = str(stack.enter_context(world.authority.cert_pem.tempfile()))
        daemon = Daemon(world.data, SSL_CERT_FILE=roots)
        page, metrics = Page(world.data, daemon.run["web"][0]), daemon.run["metrics"][0]
        # A message that can't be retrieved is tried three times, a day's mail is listed before.
        popbridge(world.data, "sync")
        world.servers["frozen"].messages.clear()
        for _ in range(3):
            popbridge(world.data, "sync")
        seen = look(world.data, page, metrics)
        for one in FAILURES:
            told(one, seen, began)
        if has_disk:
            disk_fills(world, page, metrics)
        for mend in world.mended.values():
            mend()
        until_it_listens(world.taken)
        assert popbridge(world.data, "sync").returncode == 0
        seen = look(world.data, page, metrics)
        assert "popbridge: ok" in seen.text
        for one in (*FAILURES, DISK):
            over(one, seen)
        assert daemon.stop() == 0


def disk_fills(world: World, page: Page, metrics: str) -> None:
    began = datetime.now(UTC)
    server = world.servers["poisoned"]
    server.messages.append(b"Subject: large\r\n\r\n" + b"x" * 70 * 20_000 + b"\r\n")
    DISK.make(world)
    # What is small may still fit into what the store's log has allotted: that is used up.
    deadline = time.monotonic() + WAIT_S
    while "popbridge_store_writable 0.0" not in scraped(metrics):
        assert popbridge(world.data, "sync", "poisoned").returncode == 73
        assert time.monotonic() < deadline
    seen = look(world.data, page, metrics)
    told(DISK, seen, began)
    # Nor could the account's own status be written down; yet all three tell it.
    [error] = [one for one in seen.problems("poisoned") if one["code"] == DISK.code]
    assert seen.account("poisoned")["state"] == "retrying"
    assert error["since"] in seen.text and error["text"] in words(seen.pages)
    assert seen.since_s("poisoned", DISK.code) is not None
    resize(world.data.parent, 2 * ROOM)
