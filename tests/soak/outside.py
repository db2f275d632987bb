"""The world around the daemon, a process of its own: the provider, and the devices that idle.

    python -m tests.soak.outside SESSIONS ACCOUNTS EVERY_S OLD

Each mailbox has so many old messages from the start: what the daemon keeps of mail, it has then.

It prints `provider PORT`, reads `imaps PORT`, has all devices log in and idle, prints `ready`, and
delivers a message every so many seconds to one mailbox after the other. At `end` it waits until
all devices have been told of all of them, and prints what it has seen, as JSON.
"""

import asyncio
import json
import ssl
import sys
import time
from dataclasses import asdict, dataclass, field

from tests.soak.provider import Provider

AT_ONCE = 10
"""Devices that log in at a time."""

TOLD_S = 120
"""How long a device may take to be told of the last message."""


@dataclass(slots=True)
class Seen:
    """What the devices saw. `delays_s`: from delivery to the provider until a device was told."""

    sessions: int = 0
    delivered: int = 0
    told: int = 0
    missed: int = 0
    still_here: int = 0
    hung_up: int = 0
    polls: int = 0
    delays_s: list[float] = field(default_factory=list)


def login(account: int) -> str:
    """An account's login."""
    return f"soak{account}"


def message(number: int) -> bytes:
    """A small one."""
    return b"From: a@example.org\r\nSubject: %d\r\nMessage-ID: <%d@soak>\r\n\r\nNews.\r\n" % (
        number,
        number,
    )


class Outside:
    """Devices and provider.

    Args:
        sessions: devices in all, as many for one account as for another.
        accounts: mailboxes.
        every_s: between two messages.
        old: messages that are there before.
    """

    def __init__(self, sessions: int, accounts: int, every_s: float, old: int) -> None:
        self._sessions, self._accounts, self._every_s = sessions, accounts, every_s
        self._old = old
        self._provider = Provider()
        for account in range(accounts):
            first = -1 - account * old
            self._provider.mail[login(account)] = [message(first - n) for n in range(old)]
        self._delivered: dict[int, list[float]] = {account: [] for account in range(accounts)}
        self._readers: list[asyncio.Task[None]] = []
        self._told = asyncio.Event()
        self.seen = Seen()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    async def run(self, ask: asyncio.StreamReader) -> Seen:
        """Until `end` is asked."""
        _say(f"provider {await self._provider.listen()}")
        _, port = (await ask.readline()).split()
        gate = asyncio.Semaphore(AT_ONCE)
        devices = [self._device(n, int(port), gate) for n in range(self._sessions)]
        await asyncio.gather(*devices)
        _say("ready")
        delivering = asyncio.create_task(self._deliver())
        await ask.readline()
        delivering.cancel()
        await self._all_told()
        self.seen.sessions = sum(not reader.done() for reader in self._readers)
        self.seen.polls = self._provider.polls
        return self.seen

    async def _deliver(self) -> None:
        while True:
            account = self.seen.delivered % self._accounts
            self._provider.mail[login(account)].append(message(self.seen.delivered))
            self._delivered[account].append(time.monotonic())
            self.seen.delivered += 1
            await asyncio.sleep(self._every_s)

    async def _all_told(self) -> None:
        self._told.clear()
        while self._missed():
            try:
                await asyncio.wait_for(self._told.wait(), TOLD_S)
            except TimeoutError:
                break
            self._told.clear()
        self.seen.missed = self._missed()

    def _missed(self) -> int:
        each = [0] * self._accounts
        for number in range(self._sessions):
            each[number % self._accounts] += 1
        due = sum(len(self._delivered[account]) * each[account] for account in range(len(each)))
        return due - self.seen.told

    async def _device(self, number: int, port: int, gate: asyncio.Semaphore) -> None:
        account = number % self._accounts
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self._tls)
            await reader.readline()
            writer.write(
                b"a LOGIN %b secret\r\nb SELECT INBOX\r\nc IDLE\r\n" % login(account).encode()
            )
            while not (line := await reader.readline()).startswith(b"+ "):
                if not line or line.startswith((b"a NO", b"b NO", b"* BYE")):
                    raise ConnectionError(f"device {number}: {line!r}")
        self._readers.append(asyncio.create_task(self._idle(account, reader, writer)))

    async def _idle(
        self, account: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        told = 0
        while line := await reader.readline():
            words = line.split()
            if words[2:3] == [b"EXISTS"]:
                now = time.monotonic()
                new = max(0, int(words[1]) - self._old)
                for at in self._delivered[account][told:new]:
                    self.seen.delays_s.append(now - at)
                    self.seen.told += 1
                told = new
                self._told.set()
            elif line.startswith(b"* OK Still here"):
                self.seen.still_here += 1
        self.seen.hung_up += 1
        writer.close()


def _say(line: str) -> None:
    print(line, flush=True)


async def main(sessions: int, accounts: int, every_s: float, old: int) -> None:
    """As above."""
    ask = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(ask), sys.stdin
    )
    _say(json.dumps(asdict(await Outside(sessions, accounts, every_s, old).run(ask))))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
