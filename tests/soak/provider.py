"""A POP3 provider with as many mailboxes as are named, on asyncio: it costs little beside what it
serves. It misbehaves in nothing; `tests.pop_server` does."""

import asyncio
from collections import defaultdict
from contextlib import suppress

CAPABILITIES = b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n"


class Provider:
    """Any login has a mailbox, and any password opens it."""

    def __init__(self) -> None:
        self.mail: defaultdict[str, list[bytes]] = defaultdict(list)
        """By login, each message with its last CRLF and no line that begins with a dot."""
        self.polls = 0

    async def listen(self) -> int:
        """Serves from now on; the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self)
        writer.write(b"+OK\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(session.answer(line.decode("ascii").split()))
                if session.over:
                    break
                await writer.drain()
        self.polls += session.over
        writer.close()


class _Session:
    def __init__(self, home: Provider) -> None:
        self._home = home
        self._login = ""
        self._mail: list[bytes] = []
        self.over = False

    def answer(self, words: list[str]) -> bytes:
        match words:
            case ["CAPA"]:
                return CAPABILITIES
            case ["USER", login]:
                self._login = login
            case ["PASS", *_]:
                # As they are now: a session's numbers stay (RFC 1939 §4).
                self._mail = list(self._home.mail[self._login])
            case ["STAT"]:
                return b"+OK %d %d\r\n" % (len(self._mail), sum(map(len, self._mail)))
            case ["LIST"]:
                return self._rows("%d %d", [len(each) for each in self._mail])
            case ["UIDL"]:
                return self._rows("%d u%d", range(1, len(self._mail) + 1))
            case ["RETR", number]:
                return b"+OK\r\n%b.\r\n" % self._mail[int(number) - 1]
            case ["NOOP"]:
                pass
            case ["QUIT"]:
                self.over = True
            case _:
                return b"-ERR what?\r\n"
        return b"+OK\r\n"

    def _rows(self, row: str, values: "range | list[int]") -> bytes:
        rows = (f"{row}\r\n" % (number, value) for number, value in enumerate(values, 1))
        return b"+OK\r\n" + "".join(rows).encode() + b".\r\n"
