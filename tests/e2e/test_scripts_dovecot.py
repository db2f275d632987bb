"""The scripts at Debian's Dovecot: whether they ask for what the RFCs say, and for no more.

A script whose first line says that Dovecot fails it, or lacks what it is about, must fail there.
"""

import grp
import os
import re
import socket
import ssl
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import trustme

from tests.e2e.dovecot import Dovecot, need_dovecot
from tests.e2e.ports import free_port
from tests.leftovers import remove_tree
from tests.scripts.proofs import KINDS, TOKENS, claims
from tests.scripts.runner import SCRIPTS, Script, name, response_end

pytestmark = pytest.mark.e2e

ANSWERED_S = 120
EXCUSE = re.compile(r"# dovecot: (fails:|lacks) (.*\S.*)\n")
OLDER = "QUOTA"
"""Dovecot's is of RFC 2087, without the resources and answers of RFC 9208."""

MAILBOXES = ("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash")


class ImapDovecot(Dovecot):
    """IMAP with and without TLS; any login with the password secret, made at its first log-in."""

    def __init__(self) -> None:
        self.tls_port = free_port()
        super().__init__()
        self.home = self.folder / "home"

    def forget(self) -> None:
        """Every account is new again: alice and bob have the mailboxes of a new account here."""
        # What served the last script may be writing yet.
        remove_tree(self.home)
        self.home.mkdir()
        self._own(self.home)
        for login in ("alice", "bob"):
            with closing(Connection(self, tls=False)) as connection:
                connection.do(f"LOGIN {login} secret")
                for mailbox in MAILBOXES:
                    connection.do(f"SUBSCRIBE {mailbox}")
                    connection.do(f"SELECT {mailbox}")
                connection.do("LOGOUT")

    def _config(self) -> str:
        user, group = self._user.pw_name, grp.getgrgid(self._user.pw_gid).gr_name
        root = os.getuid() == 0
        internal, login = ("dovecot", "dovenull") if root else (user, user)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        chain, key = self.folder / "chain.pem", self.folder / "key.pem"
        chain.write_bytes(certificate.cert_chain_pems[0].bytes())
        key.write_bytes(certificate.private_key_pem.bytes())
        mailboxes = "\n".join(
            f"  mailbox {mailbox} {{\n    auto = create\n    special_use = \\{mailbox}\n  }}"
            for mailbox in MAILBOXES[1:]
        )
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.log}
protocols = imap
import_environment = TZ=UTC
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain scram-sha-256
auth_cache_size = 0
auth_failure_delay = 0
auth_username_format = %Lu
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal if root else group}
default_login_user = {login}
first_valid_uid = 1
mail_location = sdbox:~/mail
mail_attribute_dict = file:%h/attributes
mail_fsync = never
mail_max_userip_connections = 100
mailbox_list_index = yes
mail_plugins = quota
imap_idle_notify_interval = 29 mins
protocol imap {{
  mail_plugins = quota imap_quota imap_zlib
  imap_metadata = yes
}}
plugin {{
  quota = count:
  quota_vsizes = yes
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={self.folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {self.tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Connection:
    """A client's connection, which has read the greeting."""

    def __init__(self, server: ImapDovecot, *, tls: bool) -> None:
        port = server.tls_port if tls else server.port
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWERED_S)
        self._octets = bytearray()
        if tls:
            self.start_tls()
        greeting = self.response()
        assert greeting is not None and greeting.startswith(b"* OK"), greeting

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def do(self, command: str) -> None:
        """A command that succeeds."""
        self.send(f"t {command}\r\n".encode())
        while (response := self.response()) is not None and not response.startswith(b"t "):
            pass
        assert response is not None and response.startswith(b"t OK"), (command, response)

    def capabilities(self) -> set[str]:
        """What it offers once logged in."""
        self.send(b"t LOGIN alice secret\r\n")
        while (response := self.response()) is not None and not response.startswith(b"t "):
            pass
        found = re.search(rb"\[CAPABILITY ([^]]*)\]", response or b"")
        assert found is not None, response
        return {*found[1].decode("ascii").split()}

    def response(self) -> bytes | None:
        while (end := response_end(self._octets)) is None:
            try:
                octets = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            if not octets:
                return None
            self._octets += octets
        response = bytes(self._octets[: end - 2])
        del self._octets[:end]
        return response

    def waiting(self) -> bool:
        self._socket.settimeout(0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            self._octets += self._socket.recv(1 << 16)
        self._socket.settimeout(ANSWERED_S)
        return bool(self._octets)

    def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket)

    def start_deflate(self) -> None:
        self._socket = Deflated(self._socket)  # type: ignore[assignment]

    def close(self) -> None:
        self._socket.close()


class Deflated:
    """A socket whose octets are compressed in both directions (RFC 4978)."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._out = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._in = zlib.decompressobj(-zlib.MAX_WBITS)
        self.settimeout, self.close = inner.settimeout, inner.close

    def sendall(self, octets: bytes) -> None:
        self._inner.sendall(self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size: int) -> bytes:
        """Some octets, none at the end; what is left of a flush has none in it."""
        while came := self._inner.recv(size):
            if octets := self._in.decompress(came):
                return octets
        return b""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ImapDovecot]:
    need_dovecot()
    with closing(_Stopping(ImapDovecot())) as running:
        yield running.server


class _Stopping:
    def __init__(self, server: ImapDovecot) -> None:
        self.server = server
        self.close = server.stop


def excuse(path: Path) -> str | None:
    """Why Dovecot may fail a script, None where it may not."""
    with path.open() as script:
        found = EXCUSE.fullmatch(script.readline())
    return found[2] if found is not None else None


def failure(server: ImapDovecot, path: Path) -> str | None:
    """What Dovecot does otherwise than the script says, None where nothing."""
    server.forget()
    connections: list[Connection] = []

    def connect(tls: bool) -> Connection:
        connections.append(Connection(server, tls=tls))
        return connections[-1]

    try:
        Script(path, connect, exact=False).run()
    except (AssertionError, ConnectionError) as error:
        return str(error) or repr(error)
    finally:
        for connection in connections:
            connection.close()
    return None


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_dovecot_agrees(path: Path, dovecot: ImapDovecot) -> None:
    failed, excused = failure(dovecot, path), excuse(path)
    if excused is None:
        assert failed is None, f"{name(path)}: {failed}"
    else:
        assert failed is not None, f"{name(path)} passes, though it says: {excused}"


def test_what_dovecot_offers_too_is_proved_there_too(dovecot: ImapDovecot) -> None:
    with closing(Connection(dovecot, tls=True)) as connection:
        shared = connection.capabilities() & {*TOKENS} - {OLDER}
    assert len(shared) > 30
    passing = [path for path in SCRIPTS if excuse(path) is None]
    proved = {claim for path in passing for claim in claims(path)}
    assert {(token, kind) for token in shared for kind in KINDS} - proved == set()


def test_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    excused = [path for path in SCRIPTS if excuse(path) is not None]
    with capsys.disabled():
        print(
            f"\n{len(SCRIPTS)} scripts pass here, {len(SCRIPTS) - len(excused)} of them at Dovecot;"
            f" {len(excused)} say why not"
        )
    for path in SCRIPTS:
        first = path.read_text().splitlines()[0]
        assert path in excused or "dovecot:" not in first, f"{name(path)}: {first!r}"
