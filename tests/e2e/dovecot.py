"""Debian's Dovecot as a POP3 server on a free loopback port, with mail put into a Maildir."""

import grp
import os
import pwd
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.e2e.ports import free_port
from tests.leftovers import end_behind_the_test, remove_tree

BINARY = "/usr/sbin/dovecot"
STARTED_S = 120
STOPPED_S = 60
USERS = """
passdb {{
  driver = static
  args = user=alice password=secret
}}
userdb {{
  driver = static
  args = uid={name} gid={group} home={folder}/home
}}
service anvil {{
  chroot =
}}
"""
SERVICE = """
service {protocol}-login {{
  chroot =
  inet_listener {protocol} {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener {protocol}s {{
    port = 0
  }}
}}
"""


def need_dovecot() -> None:
    """Skips where Dovecot isn't installed."""
    if not os.access(BINARY, os.X_OK):
        pytest.skip("Dovecot is not installed: apt-get install dovecot-pop3d dovecot-imapd")


class Dovecot:
    """One account, alice with the password secret; stopped by its process.

    Its folder is its own: pytest's is closed to the user that Dovecot serves mail as.
    """

    def __init__(self) -> None:
        self.folder = folder = Path(tempfile.mkdtemp(prefix="popbridge-dovecot-"))
        self.port = free_port()
        self.log = folder / "dovecot.log"
        self._user = _mail_user()
        self.maildir = folder / "mail"
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        folder.chmod(0o755)
        self._own(self.maildir)
        config = folder / "dovecot.conf"
        config.write_text(self._config())
        self._process = subprocess.Popen(
            [BINARY, "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        end_behind_the_test(self.stop)
        self._wait()

    def deliver(self, octets: bytes, number: int) -> None:
        """Puts a message into the mailbox; `number` gives the order."""
        path = self.maildir / "tmp" / f"{1_700_000_000 + number}.M{number}P1.test"
        path.write_bytes(octets)
        if os.getuid() == 0:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
        path.rename(self.maildir / "new" / path.name)

    def stop(self) -> None:
        """Ends the server, and removes what it had; again is harmless."""
        self._process.terminate()
        try:
            self._process.wait(STOPPED_S)
        finally:
            self._process.kill()
            self._process.wait()
            # What the master began ends by itself, a moment later.
            remove_tree(self.folder)

    def _own(self, path: Path) -> None:
        if os.getuid() == 0:
            for one in (path, *path.rglob("*")):
                os.chown(one, self._user.pw_uid, self._user.pw_gid)

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTED_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        text = self.log.read_text() if self.log.exists() else ""
        raise RuntimeError(f"Dovecot did not start: {text}")

    def _ports(self) -> dict[str, int]:
        """What it serves, and where."""
        return {"pop3": self.port}

    def _settings(self) -> dict[str, str]:
        """What differs from how Debian configures it, besides where its mail and users are."""
        return {"pop3_uidl_format": "%g", "auth_cache_size": "0"}

    def _config(self) -> str:
        name, group = self._user.pw_name, grp.getgrgid(self._user.pw_gid).gr_name
        root = os.getuid() == 0
        internal, login = ("dovecot", "dovenull") if root else (name, name)
        ports = self._ports()
        settings = {
            "base_dir": f"{self.folder}/run",
            "state_dir": f"{self.folder}/state",
            "log_path": str(self.log),
            "log_timestamp": '"%Y-%m-%d %H:%M:%S "',
            "protocols": " ".join(ports),
            "ssl": "no",
            "disable_plaintext_auth": "no",
            "listen": "127.0.0.1",
            "default_internal_user": internal,
            "default_internal_group": internal if root else group,
            "default_login_user": login,
            "first_valid_uid": "1",
            "mail_location": f"maildir:{self.maildir}",
            "mail_max_userip_connections": "5000",
            "pop3_lock_session": "no",
            **self._settings(),
        }
        lines = [f"{key} = {value}" for key, value in settings.items()]
        users = USERS.format(name=name, group=group, folder=self.folder)
        services = [SERVICE.format(protocol=each, port=port) for each, port in ports.items()]
        return "\n".join([*lines, users, *services])


def _mail_user() -> pwd.struct_passwd:
    """Who owns the mail: Dovecot refuses root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    return pwd.getpwnam("mail")
