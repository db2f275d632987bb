"""The two servers that are compared, each with the same mail of one account."""

import grp
import os
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

    def _config(self) -> str:
        root, name = os.getuid() == 0, self._user.pw_name
        group = grp.getgrgid(self._user.pw_gid).gr_name
        internal, login = ("dovecot", "dovenull") if root else (name, name)
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.log}
protocols = imap pop3
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal if root else group}
default_login_user = {login}
default_client_limit = 4000
default_process_limit = 2000
first_valid_uid = 1
mail_location = maildir:{self.maildir}
mail_max_userip_connections = 5000
pop3_lock_session = no
pop3_no_flag_updates = yes
passdb {{
  driver = static
  args = user=alice password=secret
}}
userdb {{
  driver = static
  args = uid={name} gid={group} home={self.folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


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
