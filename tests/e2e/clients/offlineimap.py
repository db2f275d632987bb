"""offlineimap, of Debian's offlineimap3."""

from pathlib import Path

from tests.e2e.clients.maildir import MaildirTree
from tests.e2e.clients.port import Habits, Login, Security
from tests.e2e.programs import output


class Offlineimap(MaildirTree):
    """All mailboxes, both ways."""

    habits = Habits(keeps_copies=True)

    def __init__(self, login: Login, home: Path) -> None:
        self._rc = home / "offlineimaprc"
        yes = {security: "no" for security in Security} | {login.security: "yes"}
        authority = f"sslcacertfile = {login.authority}" if login.authority else ""
        self._rc.write_text(
            f"""
[general]
accounts = bridge
metadata = {home}/state
ui = quiet

[Account bridge]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {home}/local

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {login.port}
remoteuser = {login.user}
remotepass = {login.password}
auth_mechanisms = LOGIN
ssl = {yes[Security.TLS]}
starttls = {yes[Security.STARTTLS]}
{authority}
"""
        )
        super().__init__(home)

    def sync(self) -> None:
        output("offlineimap", "-c", str(self._rc), "-o", home=self._home)
