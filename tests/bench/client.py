"""An IMAP client that does nothing but send commands and find the end of their answers."""

import socket
import ssl
import time

PATIENCE_S = 300
PIECE = 1 << 20

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


class Client:
    """Logged in as alice. What is measured is the server, so answers are hardly looked at.

    Args:
        port: on loopback.
        tls: speaks TLS from the start, without looking at the certificate.
        login: whom to log in as.
    """

    def __init__(self, port: int, *, tls: bool = False, login: bytes = b"alice") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self._socket = _TLS.wrap_socket(self._socket)
        self._tags = 0
        self._line()
        self.ask(b"LOGIN " + login + b" secret")

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def ask(self, command: bytes) -> int:
        """Sends a command; the octets of its whole answer, which must be OK."""
        tag = self._tag()
        self._socket.sendall(tag + b" " + command + b"\r\n")
        return self._until(tag, command)

    def ask_many(self, commands: list[bytes]) -> int:
        """Sends commands one after the other, each once the last was answered."""
        return sum(map(self.ask, commands))

    def pipeline(self, commands: list[bytes]) -> int:
        """Sends all commands at once; the octets of the answers."""
        tags = [self._tag() for _ in commands]
        lines = zip(tags, commands, strict=True)
        self._socket.sendall(b"".join(b"%b %b\r\n" % pair for pair in lines))
        return self._until(tags[-1], commands[-1])

    def begin(self, command: bytes) -> bytes:
        """Sends a command; its tag, for `end`."""
        tag = self._tag()
        self._socket.sendall(tag + b" " + command + b"\r\n")
        return tag

    def end(self, tag: bytes) -> None:
        """Reads the answer of the command that was begun."""
        self._until(tag, b"")

    def timed(self, command: bytes) -> float:
        """Seconds from sending a command to the end of its answer."""
        began = time.perf_counter()
        self.ask(command)
        return time.perf_counter() - began

    def wait_line(self) -> bytes:
        """Whatever line comes next, as of an idling connection."""
        return self._line()

    def idle(self) -> None:
        """Begins IDLE."""
        self._socket.sendall(self._tag() + b" IDLE\r\n")
        while not self._line().startswith(b"+"):
            pass

    def done(self) -> None:
        """Ends IDLE."""
        tag = b"b%d" % self._tags
        self._socket.sendall(b"DONE\r\n")
        self._until(tag, b"DONE")

    def _tag(self) -> bytes:
        self._tags += 1
        return b"b%d" % self._tags

    def _line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\r\n"):
            octet = self._socket.recv(1)
            if not octet:
                raise ConnectionError("hung up")
            line += octet
        return bytes(line)

    def _until(self, tag: bytes, command: bytes) -> int:
        """Reads until the line that begins with `tag` ends what has come."""
        octets, tail = 0, b"\r\n"
        mark = b"\r\n" + tag + b" "
        while True:
            piece = self._socket.recv(PIECE)
            if not piece:
                raise ConnectionError(f"hung up on {command[:80]!r}")
            octets += len(piece)
            tail = (tail + piece)[-4096:]
            if tail.endswith(b"\r\n") and (at := tail.rfind(mark)) >= 0:
                status = tail[at + len(mark) :]
                if not status.startswith(b"OK"):
                    raise AssertionError(f"{command[:80]!r}: {status!r}")
                return octets

    def capabilities(self) -> bytes:
        """The line of CAPABILITY."""
        tag = self._tag()
        self._socket.sendall(tag + b" CAPABILITY\r\n")
        line = self._line()
        self._until(tag, b"CAPABILITY")
        return line
