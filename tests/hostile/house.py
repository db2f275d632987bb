"""A daemon with a quiet user, alice, and mallory, whose mail is large."""

import resource
from pathlib import Path

from tests.bench import fill
from tests.bench.corpus import small
from tests.e2e.daemon import Daemon, configure

ALICES, MALLORYS = 100, 200
LARGE, LARGE_OCTETS = 10, 1_000_000
FILES = 256
"""What a shell with little to give lets a program have open, unless it asks for more."""


def start(data: Path, *, files: int = 0) -> Daemon:
    """The daemon, ready; with a soft limit of `files`, where that isn't 0."""
    configure(data)
    fill.add_accounts(data, ["alice", "mallory"])
    fill.add_messages(data, "alice", iter(small(ALICES)))
    fill.add_messages(data, "mallory", iter(small(MALLORYS)))
    large = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * (LARGE_OCTETS // 18)
    fill.add_messages(data, "mallory", iter([large] * LARGE))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, before[1]))
    try:
        return Daemon(data)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
