"""A TCP proxy that is far away: every octet passes half a round trip later, at any bandwidth."""

import asyncio
import subprocess
import sys
from collections import deque
from typing import Self


class DelayProxy:
    """The proxy in a process of its own, so that it takes no time from what is measured.

    Args:
        port: where it connects to, on loopback.
        round_trip_s: what a command and the beginning of its answer take longer.
    """

    def __init__(self, port: int, round_trip_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.delay", str(port), str(round_trip_s)],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class _Late(asyncio.Protocol):
    """One side of a connection: gives what it reads to the other side `delay_s` later."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._flying: deque[tuple[float, bytes]] = deque()
        self._arrived = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._flying.append((asyncio.get_running_loop().time() + self._delay_s, data))
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.data_received(b"")

    async def forward(self, other: "_Late") -> None:
        """Until this side has hung up, and then hangs up on the other."""
        loop = asyncio.get_running_loop()
        while True:
            while not self._flying:
                self._arrived.clear()
                await self._arrived.wait()
            due, data = self._flying.popleft()
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            assert other.transport is not None
            if not data:
                other.transport.close()
                return
            other.transport.write(data)


async def _serve(port: int, round_trip_s: float) -> None:
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    async def join(near: _Late) -> None:
        far = _Late(round_trip_s / 2)
        await loop.create_connection(lambda: far, "127.0.0.1", port)
        await asyncio.gather(near.forward(far), far.forward(near))

    class Accepted(_Late):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = loop.create_task(join(self))
            running.add(task)
            task.add_done_callback(running.discard)

    server = await loop.create_server(lambda: Accepted(round_trip_s / 2), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
