"""Hostile clients of every kind at once, a process of its own that gives way to what it attacks.

    python -m tests.hostile.crowd PORT TLS_PORT [KIND ...]

It prints `ready` once each has begun, and goes on until its standard input ends. Mallory has an
account, password "secret", as one of many users might; her mail is in INBOX.
"""

import asyncio
import os
import ssl
import string
import sys
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress

HOST = "127.0.0.1"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How a TLS handshake begins."""

NOOPS = b"n NOOP\r\n" * 1000
LETTERS = (string.ascii_letters + string.digits).encode()
KEYS = b" ".join(
    b"NOT TEXT %c%c" % (LETTERS[number % 62], LETTERS[number // 62 % 62]) for number in range(2490)
)
"""As many as a search may have, each NOT being one too, none of which spares the next."""

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Crowd:
    """Each method is one client of a kind, which goes on for ever."""

    def __init__(self, port: int, tls_port: int) -> None:
        self._port, self._tls_port = port, tls_port

    async def handshake(self) -> None:
        """Begins TLS and never ends it."""
        _, writer = await asyncio.open_connection(HOST, self._tls_port)
        writer.write(HELLO)
        await _for_ever()

    async def churn(self) -> None:
        """Comes, has TLS made, and goes."""
        _, writer = await asyncio.open_connection(HOST, self._tls_port, ssl=TLS)
        writer.transport.abort()
        await asyncio.sleep(0.05)

    async def loris(self) -> None:
        """Logs in, an octet now and then."""
        _, writer = await asyncio.open_connection(HOST, self._port)
        for octet in b"a LOGIN " + b"x" * 10_000:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async def garbage(self) -> None:
        """Says what is no command, until it is hung up on, and comes again."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        for _ in range(5):
            writer.write(os.urandom(200) + b"\r\n")
        await reader.read()
        writer.close()
        await asyncio.sleep(0.02)

    async def guess(self) -> None:
        """Tries passwords."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        await reader.readline()
        while True:
            writer.write(b"g LOGIN alice %b\r\n" % os.urandom(6).hex().encode())
            if not await reader.readline():
                break

    async def deaf(self) -> None:
        """Asks for 100 MB and more, and reads none of it."""
        _, writer = await self._mallory(tls=True)
        writer.write(b"f FETCH 1:* BODY.PEEK[]\r\n" * 200)
        assert isinstance(writer.transport, asyncio.ReadTransport)
        writer.transport.pause_reading()
        await _for_ever()

    async def flood(self) -> None:
        """Sends commands by the thousand, never waiting for an answer."""
        reader, writer = await self._mallory()
        reading = asyncio.create_task(_throw_away(reader))
        while not reading.done():
            writer.write(NOOPS)
            await writer.drain()

    async def search(self) -> None:
        """Asks for the most costly search that is read."""
        reader, writer = await self._mallory()
        while True:
            writer.write(b"s SEARCH " + KEYS + b"\r\n")
            while not (line := await reader.readline()).startswith(b"s "):
                if not line:
                    return

    async def stall(self) -> None:
        """Sends half a message."""
        _, writer = await self._mallory()
        writer.write(b"a APPEND INBOX {3000000+}\r\n" + b"x" * 1_500_000)
        await _for_ever()

    async def bomb(self) -> None:
        """Sends what becomes a thousand times as much."""
        reader, writer = await self._mallory()
        writer.write(b"c COMPRESS DEFLATE\r\n")
        await reader.readline()
        reading = asyncio.create_task(_throw_away(reader))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        piece = b"n NOOP" + b" " * 30_000 + b"\r\n"
        while not reading.done():
            for _ in range(1000):
                writer.write(packer.compress(piece))
            await writer.drain()

    async def _mallory(self, *, tls: bool = False) -> _Stream:
        port, context = (self._tls_port, TLS) if tls else (self._port, None)
        reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
        writer.write(b"l LOGIN mallory secret\r\nl SELECT INBOX\r\n")
        answers = 0
        while answers < 2:
            line = await reader.readline()
            if not line:
                raise ConnectionError
            answers += line.startswith(b"l ")
        return reader, writer


KINDS = {
    "handshake": 50,
    "churn": 2,
    "loris": 20,
    "garbage": 4,
    "guess": 10,
    "deaf": 10,
    "flood": 2,
    "search": 2,
    "stall": 10,
    "bomb": 2,
}
"""How many of each there are."""


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _throw_away(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 20):
        pass


async def _again(client: Callable[[], Awaitable[None]], begun: asyncio.Event) -> None:
    while True:
        # Whatever it is hung up for, it comes back.
        with suppress(OSError, asyncio.IncompleteReadError):
            begun.set()
            await client()
        await asyncio.sleep(0.01)


async def main(port: int, tls_port: int, kinds: list[str]) -> None:
    """As above."""
    crowd = Crowd(port, tls_port)
    each = [asyncio.Event() for kind in kinds for _ in range(KINDS[kind])]
    clients = [getattr(crowd, kind) for kind in kinds for _ in range(KINDS[kind])]
    running = [
        asyncio.create_task(_again(client, begun))
        for client, begun in zip(clients, each, strict=True)
    ]
    await asyncio.gather(*(begun.wait() for begun in each))
    print("ready", flush=True)
    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(asked), sys.stdin
    )
    await asked.read()
    for task in running:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS)))
