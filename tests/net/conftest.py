import gc
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from twisted.internet.threads import blockingCallFromThread
from twisted.logger import LogEvent, globalLogPublisher

from tests.pop_client import context
from tests.pop_server import HOST
from tests.reactor import reactor, start

LEFT_S = 60


def connected() -> list[Any]:
    return [reader for reader in reactor.getReaders() if hasattr(reader, "getPeer")]


@pytest.fixture(scope="module")
def small_collections() -> Iterator[None]:
    """`clean` looks for garbage after each test; only what the tests made is of interest."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def clean() -> Iterator[None]:
    """No error in the log, no connection and no delayed call is left behind."""
    start()
    errors: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if event.get("isError") or event["log_level"].name in ("error", "critical"):
            errors.append(event)

    globalLogPublisher.addObserver(observe)
    yield
    until = time.monotonic() + LEFT_S
    left: list[Any] = [None]
    while left and time.monotonic() < until:
        left = blockingCallFromThread(reactor, lambda: reactor.getDelayedCalls() + connected())
    gc.collect()
    globalLogPublisher.removeObserver(observe)
    assert left == []
    assert errors == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def roots(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return context(authority, HOST, "localhost")
