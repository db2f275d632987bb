"""The two servers that are compared, each with the same mail of one account."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.daemon import Daemon, add_account, configure
from tests.e2e.dovecot import Dovecot
from tests.e2e.ports import free_port

SYNC_S = 3600


class DovecotBoth(Dovecot):
    """Dovecot as a POP3 and IMAP server of one Maildir, as Debian configures it but for users."""

    def __init__(self) -> None:
        self.imap_port = free_port()
        super().__init__()

    def _ports(self) -> dict[str, int]:
        return {"imap": self.imap_port, "pop3": self.port}

    def _settings(self) -> dict[str, str]:
        return {
            "default_client_limit": "4000",
            "default_process_limit": "2000",
            "pop3_no_flag_updates": "yes",
        }


class Pair:
    """Dovecot with mail in it, and popbridge that has fetched the same mail from it."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self.dovecot = DovecotBoth()
        self.folder = Path(tempfile.mkdtemp(prefix="popbridge-bench-"))
        self.daemon: Daemon | None = None
        try:
            for number, octets in enumerate(messages):
                self.dovecot.deliver(octets, number)
            configure(self.folder)
            add_account(self.folder, self.dovecot.port, password="secret")
            synced = subprocess.run(
                [sys.executable, "-m", "bridge", "--data", str(self.folder), "sync"],
                stderr=subprocess.DEVNULL, timeout=SYNC_S,
            )  # fmt: skip
            assert synced.returncode == 0, synced
            self.daemon = Daemon(self.folder)
        except BaseException:
            self.close()
            raise

    @property
    def ports(self) -> dict[str, int]:
        """The IMAP port of each server."""
        assert self.daemon is not None
        return {"dovecot": self.dovecot.imap_port, "popbridge": self.daemon.port("imap")}

    def close(self) -> None:
        """Stops both and removes what they had."""
        if self.daemon is not None:
            self.daemon.stop()
        self.dovecot.stop()
        shutil.rmtree(self.folder)
