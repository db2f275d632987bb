"""A real daemon, its IMAP connections over sockets, and a POP3 server it fetches from."""

import select
import socket
import time
import zlib
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import PopServer
from tests.session.hammer.agent import Link, Oracle
from tests.session.hammer.deeds import message

WAIT_S = 0.02
"""How long to wait for a word of the daemon's when nobody has anything to say."""

SILENT_S = 120
"""A daemon that says nothing for so long while commands are unanswered hangs."""

SYNCED_S = 120


class SocketLink(Link):
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._deflate: Any = None
        self._inflate: Any = None

    def compress(self) -> None:
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def send(self, octets: bytes) -> None:
        if self._deflate is not None:
            octets = self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(octets)

    def take(self) -> bytes:
        try:
            octets = self.socket.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        assert octets, "the daemon closed the connection"
        return octets if self._inflate is None else self._inflate.decompress(octets)

    def close(self) -> None:
        self.socket.close()


class SocketWorld:
    """A daemon of its own with the account alice."""

    user, password = b"alice", b"device"
    oracle: Oracle | None = None
    round_commands = 1500

    def __init__(self, folder: Path, chance: Random) -> None:
        self._chance = chance
        self._pop = PopServer().__enter__()
        self._delivered = 0
        data = folder / "data"
        configure(data, interval="1s")
        add_account(data, self._pop.port)
        offered = popbridge(data, "account", "set", "alice", "--withhold", "+UIDONLY")
        assert offered.returncode == 0, offered.stderr
        self._daemon = Daemon(data)
        self._links: list[SocketLink] = []
        self._heard_at = time.monotonic()

    def connect(self) -> Link:
        """A connection whose greeting wasn't read."""
        link = SocketLink(self._daemon.port("imap"))
        self._links.append(link)
        return link

    def advance(self) -> None:
        """Waits a moment for the daemon."""
        sockets = [link.socket for link in self._links if link.socket.fileno() >= 0]
        # Mostly no wait: then many commands are under way at once.
        readable, _, _ = select.select(sockets, [], [], self._chance.choice([0, 0, WAIT_S]))
        now = time.monotonic()
        if readable:
            self._heard_at = now
        assert now - self._heard_at < SILENT_S, "the daemon hangs"

    def deliver(self) -> None:
        """Mail comes to the provider."""
        self._delivered += 1
        # Each is another message to who compares their octets.
        octets = b"X-Number: %d\r\n%b" % (self._delivered, message(self._chance))
        with self._pop.lock:
            self._pop.messages = [*self._pop.messages, octets]

    def forget(self) -> None:
        """The daemon remembers for as long as it is told to."""

    def forget_keys(self) -> None:
        """The daemon keeps what it has read."""

    def quiet(self) -> None:
        """Waits until what is at the provider is here: two POP sessions have ended well."""
        ended = self._pop.quits + 2
        deadline = time.monotonic() + SYNCED_S
        while self._pop.quits < ended:
            assert time.monotonic() < deadline, self._daemon.logged()
            time.sleep(WAIT_S)
        self._heard_at = time.monotonic()

    def close(self) -> None:
        """Stops all; the daemon must stop as it should, with nothing in its log."""
        for link in self._links:
            link.close()
        try:
            assert self._daemon.stop() == 0
        finally:
            self._daemon.process.kill()
            self._pop.stop()
        assert "Traceback" not in self._daemon.logged(), self._daemon.logged()
