"""Real mail programs do all that people do with them, and a second look finds exactly that."""

import email
import email.policy
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import oracle
from tests.e2e.clients.aerc import Aerc
from tests.e2e.clients.alpine import Alpine
from tests.e2e.clients.curl import Curl
from tests.e2e.clients.imapclient import Library
from tests.e2e.clients.mbsync import Mbsync
from tests.e2e.clients.mutt import Mutt
from tests.e2e.clients.neomutt import Neomutt
from tests.e2e.clients.offlineimap import Offlineimap
from tests.e2e.clients.port import Client, Security, Verb
from tests.e2e.clients.relay import From
from tests.e2e.clients.service import Service, serving
from tests.e2e.daemon import ANSWERED_S, add_account, configure, popbridge
from tests.e2e.oracle import Held
from tests.pop_server import PopServer
from tests.wire.stream import Validator

SHOWN_S = 120

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MAILBOXES = ("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash")
WORDS = ("zero", "one", "two", "three", "four", "five", "six")


def letter(number: int, word: str) -> bytes:
    """The message that programs know by its subject."""
    return (
        b"From: a@example.org\r\nTo: alice@example.org\r\nSubject: number %d\r\n"
        b"Message-ID: <%d@example.org>\r\nDate: 1 Nov 2026 10:00:0%d +0000\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n"
        b"body %s Gr\xc3\xbc\xc3\x9fe\r\n.\r\n..two dots\r\n"
    ) % (number, number, number, word.encode())


MAIL = {number: letter(number, WORDS[number]) for number in range(1, 7)}
NEW = letter(9, "nine")

PLAIN, STARTTLS, TLS = Security.PLAIN, Security.STARTTLS, Security.TLS
STORIES: list[tuple[type[Client], Security]] = [
    (Mutt, PLAIN),
    (Neomutt, PLAIN),
    (Mbsync, PLAIN),
    # Not by STARTTLS: its imaplib2 reads beside the handshake, and now and then fails at it.
    (Offlineimap, PLAIN),
    (Alpine, PLAIN),
    (Aerc, PLAIN),
    (Curl, PLAIN),
    (Curl, TLS),
    (Library, PLAIN),
    (Library, STARTTLS),
    (Library, TLS),
]

CANNOT: Mapping[type[Client], set[Verb]] = {
    Mbsync: {Verb.SEARCH},
    Offlineimap: {Verb.SEARCH},
}
"""What programs have no way to do; why, they say themselves."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[PopServer]:
    with PopServer(messages=list(MAIL.values())) as server:
        yield server


@pytest.fixture(scope="module")
def template(upstream: PopServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the mail in it."""
    data = tmp_path_factory.mktemp("template") / "data"
    configure(data)
    add_account(data, upstream.port)
    assert popbridge(data, "sync").returncode == 0
    return data


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Iterator[Service]:
    with serving(template, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("program", "security"),
    STORIES,
    ids=[f"{program.__name__.lower()}-{security.value}" for program, security in STORIES],
)
def test_a_day_with(
    program: type[Client], security: Security, service: Service, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with program(service.login(security), home) as client:
        story = Story(service, client, security)
        story.look()
        story.change()
        story.add()
        story.come_back()
    story.end()
    if security is PLAIN:
        for exchange in service.relay.exchanges:
            strictly_follow(exchange.pieces)


class Story:
    """Each deed is followed by the oracle's look, on a connection that stays."""

    def __init__(self, service: Service, client: Client, security: Security) -> None:
        self.service = service
        self.client = client
        self.plain = security is PLAIN
        self.expected: dict[str, dict[int, Held]] = {name: {} for name in MAILBOXES}
        self.inbox = self.expected["INBOX"]
        self.inbox.update({number: Held.of(octets) for number, octets in MAIL.items()})
        self.eye = service.daemon.client()
        self.uidvalidities = self.check()

    def check(self) -> dict[str, int]:
        return oracle.until(self.eye, self.expected)

    def end(self) -> None:
        """What another connection sees is the same."""
        self.eye.logout()
        with self.service.daemon.client() as client:
            assert oracle.until(client, self.expected) == self.uidvalidities

    def look(self) -> None:
        assert self.client.mailboxes() == set(MAILBOXES)
        self.shows(set(MAIL))
        assert self.client.read(1) == MAIL[1].replace(b"\r\n", b"\n")
        self.inbox[1] = self.inbox[1].flagged(*self.client.habits.reading_sets)
        self.check()
        assert (Verb.SEARCH in self.client.cannot) == (
            Verb.SEARCH in CANNOT.get(type(self.client), set())
        )
        if Verb.SEARCH not in self.client.cannot:
            assert self.client.search("five") == {5}

    def change(self) -> None:
        self.client.flag(2)
        self.inbox[2] = self.inbox[2].flagged("\\Flagged")
        self.check()
        self.client.move(3, "Archive")
        moved = self.inbox.pop(3)
        if self.client.habits.rewrites_moved:
            moved = self.sent(MAIL[3])
        self.expected["Archive"][1] = moved
        self.check()
        self.client.delete(4)
        del self.inbox[4]
        self.check()

    def add(self) -> None:
        self.client.append(NEW, "Drafts")
        new = self.sent(NEW) if self.client.habits.rewrites_appended else Held.of(NEW)
        self.expected["Drafts"][1] = new.flagged(*self.client.habits.appending_sets)
        for uid, held in self.inbox.items():
            if "\\Seen" not in held.flags:
                self.inbox[uid] = held.flagged(*self.client.habits.leaving_sets)
        self.check()

    def shows(self, numbers: set[int]) -> None:
        """Waits until the client shows just these: some list a mailbox line by line."""
        deadline = time.monotonic() + SHOWN_S
        while (found := self.client.numbers()) != numbers:
            assert time.monotonic() < deadline, f"it shows {found}, not {numbers}"

    def sent(self, octets: bytes) -> Held:
        """What the program made of a message, as the wire has it: the text is the same."""
        made = self.service.relay.appended()
        assert text_of(made) == text_of(octets)
        return Held.of(made)

    def come_back(self) -> None:
        """The daemon is started again; where TLS is in the way the connection is only cut."""
        before = len(self.service.relay.exchanges)
        if self.plain:
            self.eye.logout()
            self.service.restart(self.client.lost)
            self.eye = self.service.daemon.client()
        else:
            self.service.cut()
            self.client.lost()
        self.client.reconnect()
        self.shows({1, 2, 5, 6})
        self.client.flag(5)
        self.inbox[5] = self.inbox[5].flagged("\\Flagged")
        assert self.check() == self.uidvalidities
        if self.client.habits.keeps_copies and self.plain:
            asked = b"".join(e.of(From.CLIENT) for e in self.service.relay.exchanges[before:])
            assert b"STORE" in asked and b"BODY" not in asked, "it fetched again what it had"


def text_of(octets: bytes) -> str:
    """Whatever the transfer encoding and the lines at the end."""
    text: str = email.message_from_bytes(octets, policy=email.policy.default).get_content()
    return text.replace("\r\n", "\n").strip()


def strictly_follow(pieces: list[tuple[From, bytes]]) -> None:
    """Every octet of the server's is one that the RFCs' grammar allows there."""
    validator = Validator()
    for who, octets in pieces:
        if who is From.CLIENT:
            validator.from_client(octets)
        else:
            validator.from_server(octets)
    validator.finish()


def test_aerc_idles(service: Service, tmp_path: Path) -> None:
    with Aerc(service.login(PLAIN), tmp_path, idle_after="10ms") as aerc:
        service.relay.until(b"IDLE")
        with service.daemon.client() as other:
            other.select_folder("INBOX")
            other.add_flags([2], [b"\\Flagged"])
            aerc.shows("! number 2")
            other.append("INBOX", NEW)
            aerc.shows("number 9")
            other.delete_messages([6])
            other.expunge()
            aerc.shows(r"number 9\n.*number 5")


def test_new_mail_and_flags_are_pushed(upstream: PopServer, template: Path, tmp_path: Path) -> None:
    with (
        serving(template, tmp_path, POPBRIDGE_SYNC_INTERVAL="1s") as service,
        service.daemon.client() as idler,
        service.daemon.client() as other,
    ):
        idler.select_folder("INBOX")
        other.select_folder("INBOX")
        idler.idle()
        other.add_flags([2], [b"\\Flagged"])
        (pushed,) = idler.idle_check(timeout=ANSWERED_S)
        assert pushed[:2] == (2, b"FETCH") and b"\\Flagged" in pushed[2][-1]
        upstream.messages.append(NEW)
        try:
            assert (7, b"EXISTS") in idler.idle_check(timeout=ANSWERED_S)
        finally:
            upstream.messages.remove(NEW)
        idler.idle_done()
