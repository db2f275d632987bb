"""mbsync, of the isync package."""

from pathlib import Path

from tests.e2e.clients.maildir import MaildirTree
from tests.e2e.clients.port import Habits, Login, Security
from tests.e2e.programs import output

SSL_TYPE = {Security.PLAIN: "None", Security.STARTTLS: "STARTTLS", Security.TLS: "IMAPS"}


class Mbsync(MaildirTree):
    """All mailboxes, both ways."""

    # Each message that it brings over, either way, gets an X-TUID.
    habits = Habits(rewrites_appended=True, rewrites_moved=True, keeps_copies=True)

    def __init__(self, login: Login, home: Path) -> None:
        self._rc = home / "mbsyncrc"
        local = home / "local"
        authority = f"\nCertificateFile {login.authority}" if login.authority else ""
        self._rc.write_text(
            f"""
IMAPAccount bridge
Host 127.0.0.1
Port {login.port}
User {login.user}
Pass {login.password}
SSLType {SSL_TYPE[login.security]}{authority}
AuthMechs LOGIN

IMAPStore far
Account bridge

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""
        )
        super().__init__(home)

    def sync(self) -> None:
        output("mbsync", "-c", str(self._rc), "all", home=self._home)
