"""Dovecot with TLS as well, for what TLS costs."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bridge.net.tls import ensure_certificate
from tests.bench.servers import DovecotBoth
from tests.e2e.ports import free_port


class DovecotSecure(DovecotBoth):
    """Dovecot with an imaps port, and a private certificate as popbridge makes one."""

    def __init__(self) -> None:
        self.imaps_port = free_port()
        self._tls = Path(tempfile.mkdtemp(prefix="popbridge-bench-tls-"))
        self._files = ensure_certificate(self._tls, (), datetime.now(UTC))
        super().__init__()

    def stop(self) -> None:
        """As `Dovecot.stop`."""
        super().stop()
        shutil.rmtree(self._tls)

    @property
    def pid(self) -> int:
        """Of the process that all others descend from."""
        return self._process.pid

    def _config(self) -> str:
        return (
            super()
            ._config()
            .replace(
                "ssl = no",
                f"ssl = yes\nssl_cert = <{self._files.certificate}\nssl_key = <{self._files.key}",
            )
            .replace(
                "inet_listener imaps {\n    port = 0",
                "inet_listener imaps {\n    address = 127.0.0.1\n    ssl = yes\n"
                f"    port = {self.imaps_port}",
            )
        )
