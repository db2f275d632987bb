"""`popbridge doctor` beside a real daemon, and without one."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.cli.main import run_command
from bridge.net import authority
from tests.e2e.daemon import Daemon, configure, popbridge
from tests.pop_server import CAPABILITIES, HOST, PopServer

pytestmark = pytest.mark.e2e
MAIL = [b"From: a@example.org\r\nDate: Tue, 1 Dec 2026 08:00:00 +0000\r\n\r\nhello\r\n"]
Found = dict[tuple[str, str], dict[str, Any]]


class House:
    """A data folder, and a provider over TLS and one without; alice has a mailbox at both."""

    def __init__(self, data: Path, ports: dict[str, int], roots: Path) -> None:
        self.data = data
        self.ports = ports
        self.roots = roots

    def adding(self, login: str, scheme: str, password: str = "secret") -> list[str]:
        """What adds an account."""
        url = f"{scheme}://alice@{HOST}:{self.ports[scheme]}"
        return [
            "account", "add", login, "--pop3", url, "--no-check",
            "--pop3-password-file", self.secret(password), "--password-file", self.secret("device"),
        ]  # fmt: skip

    def secret(self, text: str) -> str:
        """A file with it."""
        path = self.data / f"{text}.secret"
        path.write_text(f"{text}\n")
        return str(path)

    def do(self, *words: str) -> int:
        """Runs a command here, which a daemon carries out."""
        return run_command(["--data", str(self.data), *words])

    def daemon(self) -> Daemon:
        return Daemon(self.data, SSL_CERT_FILE=str(self.roots))

    def set(self, old: str, new: str) -> None:
        path = self.data / "popbridge.toml"
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def plain() -> Iterator[PopServer]:
    with PopServer(MAIL, capabilities=[*CAPABILITIES, "EXPIRE 0"]) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, plain: PopServer) -> Iterator[House]:
    ca, roots = trustme.CA(), tmp_path / "roots.pem"
    ca.cert_pem.write_to_path(str(roots))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HOST).configure_cert(context)
    data = tmp_path / "data"
    configure(data)
    data.chmod(0o700)
    with PopServer(MAIL, tls=context) as secure:
        yield House(data, {"pop3s": secure.port, "pop3+plain": plain.port}, roots)


def examined(house: House, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Found]:
    """Exit code, and what each check said."""
    capsys.readouterr()
    code = house.do("doctor", "--json", *words)
    return code, by_name(capsys.readouterr().out)


def by_name(out: str) -> Found:
    """By group, its address left out unless it is one for all networks, and check."""
    found: Found = {}
    for one in json.loads(out)["checks"]:
        group, _, place = one["group"].partition("://")
        found[f"{group} everywhere" if place.startswith("0.0.0.0") else group, one["check"]] = one
    return found


def wrong(found: Found) -> set[tuple[str, str, str]]:
    """Group, check and verdict of what isn't well; but a greeting may be slow on any machine."""
    return {
        (*name, one["verdict"])
        for name, one in found.items()
        if one["verdict"] != "ok" and (name[1], one["verdict"]) != ("greeting", "warning")
    }


def test_a_healthy_house(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.set('"imaps://127.0.0.1:0"', '"imap://*:0", "imaps://*:0"')
    house.set("listen = []", 'listen = ["http://127.0.0.1:0"]')
    daemon = house.daemon()
    assert house.do(*house.adding("alice", "pop3s")) == house.do("sync") == 0
    words = ("alice", "--password-file", house.secret("device"))
    code, found = examined(house, capsys, *words)
    assert (code, wrong(found)) == (0, {("popbridge and its store", "backup", "warning")})
    assert "TLSv1.3" in found["Account alice", "encryption"]["text"]
    assert "all of them are here" in found["Account alice", "listing"]["text"]
    assert "Date: Tue, 1 Dec 2026" in found["Mail apps at imaps everywhere", "FETCH"]["text"]
    assert "STARTTLS only" in found["Mail apps at imap everywhere", "clear text"]["text"]
    # Had it selected INBOX, the message would be recent for nobody else.
    assert daemon.client().select_folder("INBOX")[b"RECENT"] == 1
    assert daemon.stop() == 0


def test_a_house_in_trouble(
    house: House, plain: PopServer, capsys: pytest.CaptureFixture[str]
) -> None:
    expired(house.data)
    with (house.data / "popbridge.toml").open("a") as file:
        file.write('[tls]\ncertificate = "old.pem"\nkey = "old.key"\n')
    daemon = house.daemon()
    assert house.do(*house.adding("alice", "pop3+plain")) == 0
    assert house.do(*house.adding("bob", "pop3s", "wrong")) == 0
    assert house.do("sync") == 77
    before = len(plain.log)
    code, found = examined(house, capsys)
    assert code == 77
    assert found["Certificate for mail apps", "expiry"]["code"] == "BR-TLS-01"
    assert found["Account bob", "state"]["code"] == "BR-AUTH-01"
    assert "popbridge doctor bob" in found["Account bob", "log-in"]["text"]
    assert "the only copy" in found["Account alice", "terms"]["text"]
    assert "this machine only" in found["Mail apps", "other devices"]["text"]
    asked = [line.partition(" ")[0] for line in plain.log[before:]]
    assert asked.count("PASS") == 1 and asked[-1] == "QUIT"
    assert not {"RETR", "TOP", "DELE"} & set(asked)
    code, found = examined(house, capsys, "bob", "--password-file", house.secret("another"))
    assert found["Account bob", "log-in"]["code"] == "BR-AUTH-01"
    assert found["Mail apps at imaps", "log-in"]["code"] == "BR-LOGIN-03"
    assert daemon.stop() == 0


def expired(data: Path) -> None:
    """Writes a certificate that ended long ago."""
    year = timedelta(days=365)
    root = authority.new_authority("here", datetime.now(UTC) - 5 * year)
    names = authority.alternative_names(["localhost"])
    made, key = authority.new_server(root, names, datetime.now(UTC) - 3 * year, None)
    pem = Encoding.PEM
    (data / "old.pem").write_bytes(made.public_bytes(pem))
    (data / "old.key").write_bytes(key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()))


def test_without_a_daemon_the_provider_is_looked_at_all_the_same(
    house: House, plain: PopServer
) -> None:
    assert popbridge(house.data, *house.adding("alice", "pop3+plain")).returncode == 0
    done = popbridge(house.data, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = by_name(done.stdout)
    assert found["Account alice", "log-in"]["verdict"] == "ok"
    assert "1 of them are still" in found["Account alice", "listing"]["text"]
    for group in ("Mail apps", "Monitoring", "Status page"):
        assert {"not checked"} == {one["verdict"] for key, one in found.items() if key[0] == group}
    assert plain.quits == 1
    assert "Checking the provider of alice" in done.stderr
