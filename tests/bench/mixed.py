"""Ten clients at once, each doing what mail programs do, and reconnecting now and then."""

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

from tests.bench.client import Client
from tests.bench.corpus import corpus
from tests.bench.figure import Figure, Unit
from tests.bench.servers import Pair

CLIENTS = 10
COMMANDS = 300
MESSAGES = 2000
ROUNDS = 3
BAR = 2.0
RECONNECT_EVERY = 60

_LETTER = b"From: a@example.net\r\nSubject: mixed\r\n\r\n" + b"x" * 76 * 20 + b"\r\n"
_HEADERS = b"BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]"


def run() -> Iterator[Figure]:
    """The time of all commands of all clients together."""
    servers = Pair(corpus(MESSAGES))
    spent: dict[str, list[float]] = {name: [] for name in servers.ports}
    try:
        for number in range(ROUNDS + 1):
            for name, port in servers.ports.items():
                seconds = _round(port, number)
                print(f"mixed load: {name}: {seconds:.2f} s", file=sys.stderr)
                # The first round fills caches on both sides and counts for neither.
                if number:
                    spent[name].append(seconds)
    finally:
        servers.close()
    yield Figure(
        name=f"{CLIENTS} clients' mixed load, {CLIENTS * COMMANDS:,} commands",
        size=MESSAGES,
        ours=statistics.median(spent["popbridge"]),
        peer=statistics.median(spent["dovecot"]),
        unit=Unit.S,
        bar=BAR,
        relative=True,
    )


def _round(port: int, number: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(_work, port, number, who) for who in range(CLIENTS)]:
            done.result()
    return time.perf_counter() - began


def _work(port: int, number: int, who: int) -> None:
    # The same commands for both servers, others in each round and for each client.
    seeded = Random(number * CLIENTS + who)
    client = _connected(port)
    for done in range(COMMANDS):
        if done and done % RECONNECT_EVERY == 0:
            client.ask(b"LOGOUT")
            client.close()
            client = _connected(port)
        client.ask(_command(seeded))
    client.close()


def _connected(port: int) -> Client:
    client = Client(port)
    client.ask(b"SELECT INBOX")
    return client


def _command(seeded: Random) -> bytes:
    first = seeded.randint(1, MESSAGES - 50)
    kind = seeded.choices(range(8), (20, 15, 15, 15, 10, 10, 10, 5))[0]
    sign = seeded.choice((b"+", b"-"))
    day = seeded.randint(1, 28)
    return (
        b"NOOP",
        b"FETCH %d:%d (UID FLAGS %b)" % (first, first + 20, _HEADERS),
        b"FETCH %d:%d (UID FLAGS)" % (first, first + 49),
        b"FETCH %d (BODY.PEEK[])" % first,
        b"STORE %d %bFLAGS (\\Flagged)" % (first, sign),
        b"SEARCH SINCE %d-Jun-2015 UNSEEN" % day,
        b"SELECT INBOX",
        b"APPEND INBOX {%d+}\r\n%b" % (len(_LETTER), _LETTER),
    )[kind]
