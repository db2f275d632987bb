"""A port that stays while the daemon behind it comes and goes, and what went over it."""

import re
import socket
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

HOST = "127.0.0.1"
UNTIL_S = 120
JOIN_S = 60


_COMPRESS = re.compile(rb"(?:\A|\n)(\S+) COMPRESS DEFLATE\r\n\Z", re.IGNORECASE)


class From(Enum):
    """Who sent octets."""

    CLIENT = "C"
    SERVER = "S"


@dataclass(slots=True, eq=False)
class Exchange:
    """One connection, in the order in which octets went; after STARTTLS they are but noise.

    What is compressed (RFC 4978) is kept as it was before.
    """

    pieces: list[tuple[From, bytes]] = field(default_factory=list)
    _inflate: dict[From, "zlib._Decompress"] = field(default_factory=dict)

    def note(self, who: From, octets: bytes) -> None:
        """Keeps what this side sent."""
        if self._inflate:
            octets = self._inflate[who].decompress(octets)
        elif who is From.SERVER and (end := self._compression_begins(octets)) is not None:
            self._inflate = {side: zlib.decompressobj(-zlib.MAX_WBITS) for side in From}
            octets = octets[:end] + self._inflate[who].decompress(octets[end:])
        self.pieces.append((who, octets))

    def _compression_begins(self, answer: bytes) -> int | None:
        """Where, in an answer of the server; None where it doesn't."""
        if not self.pieces or self.pieces[-1][0] is not From.CLIENT:
            return None
        asked = _COMPRESS.search(self.pieces[-1][1])
        if asked is None:
            return None
        granted = re.search(re.escape(asked[1]) + rb" OK[^\r\n]*\r\n", answer)
        return None if granted is None else granted.end()

    def of(self, sender: From) -> bytes:
        """All that this side sent."""
        return b"".join(octets for who, octets in self.pieces if who is sender)

    def text(self) -> str:
        """For people, as far as it is in clear."""
        lines = []
        for who, octets in self.pieces:
            lines += [f"{who.value}: {line}" for line in octets.decode("latin-1").splitlines()]
            if who is From.CLIENT and b"STARTTLS" in octets:
                break
        return "\n".join(lines)


class Relay:
    """Forwards each connection to `target`, and keeps the exchanges."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.exchanges: list[Exchange] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._moved = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._closing = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def cut(self) -> None:
        """Drops all connections."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Drops all connections, accepts no more, and waits for the threads."""
        self._closing = True
        # Closing a socket doesn't wake a thread that accepts on it; a connection does.
        socket.create_connection((HOST, self.port)).close()
        self._acceptor.join(JOIN_S)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(JOIN_S)

    def until(self, sent: bytes) -> None:
        """Waits until the client of the last connection has sent this."""
        with self._moved:
            assert self._moved.wait_for(lambda: sent in self.exchanges[-1].of(From.CLIENT), UNTIL_S)

    def appended(self) -> bytes:
        """The octets of the last APPEND, as the client sent them."""
        pattern = re.compile(rb" APPEND [^\r\n]*\{(\d+)\+?\}\r\n", re.IGNORECASE)
        for exchange in reversed(self.exchanges):
            sent = exchange.of(From.CLIENT)
            if found := list(pattern.finditer(sent)):
                start, size = found[-1].end(), int(found[-1][1])
                return sent[start : start + size]
        raise AssertionError("there was no APPEND")

    def _accept(self) -> None:
        while (client := self._listener.accept()[0]) and not self._closing:
            try:
                server = socket.create_connection((HOST, self.target))
            except OSError:
                client.close()
                continue
            exchange = Exchange()
            self.exchanges.append(exchange)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            self._start(client, server, exchange, From.CLIENT)
            self._start(server, client, exchange, From.SERVER)
        client.close()

    def _start(
        self, source: socket.socket, sink: socket.socket, exchange: Exchange, who: From
    ) -> None:
        thread = threading.Thread(
            target=self._forward, args=(source, sink, exchange, who), daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _forward(
        self, source: socket.socket, sink: socket.socket, exchange: Exchange, who: From
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                # Before it is sent: else an answer could be noted before what it answers.
                with self._moved:
                    exchange.note(who, data)
                    self._moved.notify_all()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
