"""The page over a real store, in memory: a browser that keeps its cookie and reads its forms."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from bridge.admin.accounts import NewAccount, add_account
from bridge.admin.operations import perform
from bridge.admin.problems import ListenerState, daemon_problems
from bridge.model.account import SyncStatus
from bridge.store.engine import open_store
from bridge.sync.activity import Activity
from bridge.sync.runner import SyncResult
from bridge.web.access import Brake, Links, Sessions
from bridge.web.answers import Renderer
from bridge.web.health_page import Health
from bridge.web.pages import Pages, Server, Sources
from bridge.web.site import Doors, page_site
from tests.admin.owner import NOW, Owner

HOST = "127.0.0.1:8143"


class PageOwner(Owner):
    """An `Owner` whose syncs are counted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.synced: list[int] = []

    async def sync_now(self, account_id: int, progress: Any = None) -> SyncResult:
        self.synced.append(account_id)
        return SyncResult("alice", 3, 0, 0, 0, 0.1, None)

    def add(self, login: str, **values: Any) -> Any:
        new = NewAccount(
            login=login, pop3="pop3s://a@pop.example", pop3_password="secret", check=False, **values
        )
        done(add_account(self, new))  # type: ignore[arg-type]
        return self.account(login)

    def status(self, login: str, **values: Any) -> None:
        known = SyncStatus(account_id=self.account(login).id)
        self.store.write(lambda tx: tx.save_sync_status(replace(known, **values)))


def done(coroutine: Any) -> Any:
    got: list[Any] = []
    failed: list[Any] = []
    Deferred.fromCoroutine(coroutine).addCallbacks(got.append, failed.append)
    if failed:
        failed[0].raiseException()
    return got[0]


@dataclass
class House:
    owner: PageOwner
    secure: bool = False
    clock: Clock = field(default_factory=Clock)
    spawned: list[Any] = field(default_factory=list)
    faulty: bool = False

    def __post_init__(self) -> None:
        self.activity = Activity(self.now)
        self.owner.as_told = self.activity.as_told
        self.links = Links(self.clock.seconds)
        self.health = Health(
            versions={"popbridge": "1.2.3", "SQLite": "3.51.3"},
            started=NOW - timedelta(hours=1),
            certificate_ends=NOW + timedelta(days=300),
            disk_free=10**10,
            reserve=10**8,
            last_backup=None,
            sqlite_advice=None,
            listeners=(ListenerState(kind="imaps", url="imaps://127.0.0.1:1993"),),
            problems=(),
        )
        doors = Doors(
            links=self.links,
            sessions=Sessions(self.clock.seconds),
            brake=Brake(self.clock.seconds),
            names=lambda: {"localhost", "mail.example"},
        )
        renderer = Renderer(self.now)
        sources = Sources(
            perform=self._perform,
            activity=self.activity,
            health=self._health,
            metrics=lambda: b"metric 1\n",
            servers=lambda: [Server("mail.example", 1993, "SSL/TLS")],
            spawn=lambda work: self.spawned.append(done(work)),
            clock=self.now,
            monotonic=self.clock.seconds,
        )
        self.site = page_site(Pages(sources, renderer), renderer, doors, secure=self.secure)
        self.site.reactor = self.clock

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds())

    async def _perform(self, name: str, /, **arguments: Any) -> Any:
        if self.faulty:
            raise ZeroDivisionError("inner secret")
        return await perform(self.owner, name, arguments, lambda _: None)  # type: ignore[arg-type]

    async def _health(self) -> Health:
        one = self.health
        room = one.disk_free, one.reserve
        wrong = daemon_problems(one.listeners, None, room, one.certificate_ends, self.now())
        return replace(one, problems=tuple(wrong))


@dataclass(frozen=True)
class Got:
    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """What is read, without tags."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())


class Browser:
    def __init__(self, house: House) -> None:
        self.house = house
        self.cookie = ""
        self.csrf = ""

    def raw(self, octets: bytes) -> Got:
        transport = StringTransport()
        protocol: Any = self.house.site.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(octets)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        if not head:
            return Got(0, {}, b"")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        got = Got(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)
        if "set-cookie" in got.headers:
            self.cookie = got.headers["set-cookie"].partition(";")[0]
        if found := re.search(rb'name="csrf" value="([^"]*)"', body):
            self.csrf = found[1].decode()
        return got

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Got:
        named = {"Host": HOST, "Cookie": self.cookie}
        if method == "POST":
            scheme = "https" if self.house.secure else "http"
            named |= {
                "Origin": f"{scheme}://{HOST}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Length": str(len(body)),
            }
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
        return self.raw(f"{method} {path} HTTP/1.0\r\n{lines}\r\n{body}".encode())

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, **headers)

    def post(self, path: str, **fields: str) -> Got:
        return self.ask("POST", path, urlencode({"csrf": self.csrf, **fields}))

    def form(self, path: str, **fields: str) -> Got:
        """Sends a form; the page that its sender sees then."""
        sent = self.post(path, **fields)
        assert sent.code == 303, sent.words
        return self.get(sent.headers["location"])

    def sign_in(self) -> "Browser":
        sent = self.ask("POST", "/sign-in", f"link={quote(self.house.links.make())}")
        assert sent.code == 303, sent.words
        self.get("/health")
        return self


def build(tmp_path: Path, *, secure: bool = False) -> House:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    return House(PageOwner(store), secure=secure)
