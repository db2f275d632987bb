"""The two servers as things that answer commands."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.corpus.build import Odd
from tests.differential.dovecot_imap import DovecotImap
from tests.differential.responses import Answer, complete, parse
from tests.imap_harness import Client, Server

TAG = b"x"
PATIENCE_S = 60


class Peer(Protocol):
    """A logged-in connection."""

    def ask(self, command: bytes) -> Answer:
        """Sends a command without its tag and line end; the whole answer."""

    def close(self) -> None:
        """Stops the server too."""


class Bridge:
    """popbridge, in this process."""

    def __init__(self, folder: Path) -> None:
        self._server = Server(folder)
        self._client: Client = self._server.client()

    def ask(self, command: bytes) -> Answer:
        self._client.send(TAG + b" " + command + b"\r\n")
        return parse(self._client.take(), TAG)

    def close(self) -> None:
        self._server.close()


class Debian:
    """Dovecot, over a socket."""

    def __init__(self) -> None:
        self._dovecot = DovecotImap()
        self._socket = socket.socket()
        self._buffer = bytearray()
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise

    def _log_in(self) -> None:
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(("127.0.0.1", self._dovecot.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not self._buffer.endswith(b"\r\n"):
            self._buffer += self._socket.recv(65536)
        self._buffer.clear()
        assert self.ask(b"LOGIN alice secret").ok
        assert self.ask(b"SELECT INBOX").ok

    def ask(self, command: bytes) -> Answer:
        self._socket.sendall(TAG + b" " + command + b"\r\n")
        position, done = 0, False
        while not done:
            chunk = self._socket.recv(1 << 20)
            if not chunk:
                raise ConnectionError(f"Dovecot hung up on {command[:200]!r}")
            self._buffer += chunk
            done, position = complete(self._buffer, position, TAG)
        octets = bytes(self._buffer)
        self._buffer.clear()
        return parse(octets, TAG)

    def close(self) -> None:
        self._socket.close()
        self._dovecot.stop()


def append_all(peer: Peer, messages: Sequence[Odd]) -> None:
    """Puts the messages in, day after day; each must be taken."""
    for number, odd in enumerate(messages):
        flags, day = flags_of(number), 1 + number % 28
        head = b'APPEND INBOX (%b) "%2d-Mar-2026 12:00:00 +0000" {%d+}\r\n'
        answer = peer.ask(head % (flags, day, len(odd.octets)) + odd.octets)
        assert answer.ok, (odd.name, answer.tagged)


def flags_of(number: int) -> bytes:
    """The flags of the message with that number, so that searches have what to find."""
    flags = [
        b"\\Seen" if number % 2 else b"",
        b"\\Flagged" if number % 3 == 0 else b"",
        b"\\Answered" if number % 5 == 0 else b"",
        b"\\Deleted" if number % 7 == 0 else b"",
        b"\\Draft" if number % 11 == 0 else b"",
        b"$Odd" if number % 4 == 0 else b"",
    ]
    return b" ".join(filter(None, flags))
