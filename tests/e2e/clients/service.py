"""popbridge as mail programs meet it: on ports that stay, behind relays that listen in."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.clients.port import Login, Security
from tests.e2e.clients.relay import Relay
from tests.e2e.daemon import Daemon


class Service:
    """A daemon on a copy of a data folder."""

    def __init__(self, template: Path, folder: Path, **env: str) -> None:
        self._data = folder / "data"
        shutil.copytree(template, self._data)
        self._env = env
        self.daemon = Daemon(self._data, **env)
        self.relay = Relay(self.daemon.port("imap"))
        self._tls = Relay(self.daemon.port("imaps"))

    def login(self, security: Security) -> Login:
        """For a program."""
        relay = self._tls if security is Security.TLS else self.relay
        authority = self._data / "tls" / "ca.pem" if security is not Security.PLAIN else None
        return Login(relay.port, security=security, authority=authority)

    def cut(self) -> None:
        """Drops all connections of programs."""
        self.relay.cut()
        self._tls.cut()

    def restart(self, meanwhile: Callable[[], None]) -> None:
        """Stops the daemon, and starts it again."""
        assert self.daemon.stop() == 0
        meanwhile()
        self.daemon = Daemon(self._data, **self._env)
        self.relay.target = self.daemon.port("imap")
        self._tls.target = self.daemon.port("imaps")

    def stop(self) -> None:
        """Ends all of it."""
        try:
            code = self.daemon.stop()
        finally:
            self.relay.stop()
            self._tls.stop()
        # pytest shows it where a test fails.
        print("\n\n".join(exchange.text() for exchange in self.relay.exchanges))
        assert code == 0, self.daemon.logged()


@contextmanager
def serving(template: Path, folder: Path, **env: str) -> Iterator[Service]:
    """A service for as long as it is needed."""
    service = Service(template, folder, **env)
    try:
        yield service
    finally:
        service.stop()
