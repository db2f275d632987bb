"""curl, a connection for each deed."""

import re
from pathlib import Path

from tests.e2e.clients.port import Client, Habits, Login, Security
from tests.e2e.programs import output


class Curl(Client):
    """Custom requests where a URL can't say it."""

    # Its GET is BODY[], and it uploads as read.
    habits = Habits(reading_sets=frozenset({"\\Seen"}), appending_sets=frozenset({"\\Seen"}))

    def __init__(self, login: Login, home: Path) -> None:
        self._home = home
        scheme = "imaps" if login.security is Security.TLS else "imap"
        self._url = f"{scheme}://127.0.0.1:{login.port}/"
        lines = [f'user = "{login.user}:{login.password}"', "silent", "show-error"]
        if login.authority:
            lines.append(f'cacert = "{login.authority}"')
        if login.security is Security.STARTTLS:
            lines.append("ssl-reqd")
        self._settings = home / "curlrc"
        self._settings.write_text("\n".join(lines))

    def mailboxes(self) -> set[str]:
        return set(re.findall(r'"/" "?(\w+)"?\r', self._curl("").decode()))

    def numbers(self) -> set[int]:
        return set(self._uids())

    def read(self, number: int) -> bytes:
        return self._curl(f"INBOX;UID={self._uids()[number]}").replace(b"\r\n", b"\n")

    def flag(self, number: int) -> None:
        self._curl("INBOX", "-X", f"UID STORE {self._uids()[number]} +FLAGS.SILENT (\\Flagged)")

    def move(self, number: int, mailbox: str) -> None:
        self._curl("INBOX", "-X", f"UID MOVE {self._uids()[number]} {mailbox}")

    def delete(self, number: int) -> None:
        uid = self._uids()[number]
        self._curl(
            "INBOX", "-X", f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)",
            "--next", "--config", str(self._settings),
            "-X", f"UID EXPUNGE {uid}", f"{self._url}INBOX",
        )  # fmt: skip

    def search(self, word: str) -> set[int]:
        answer = self._curl(f"INBOX?BODY%20{word}")
        found = {int(seq) for seq in answer.split()[2:]}
        return {number for seq, _, number in self._listing() if seq in found}

    def append(self, octets: bytes, mailbox: str) -> None:
        path = self._home / "message"
        path.write_bytes(octets)
        self._curl(mailbox, "-T", str(path))

    def reconnect(self) -> None:
        """It always does."""

    def _uids(self) -> dict[int, int]:
        return {number: uid for _, uid, number in self._listing()}

    def _listing(self) -> list[tuple[int, int, int]]:
        """Sequence number, UID and number of each message."""
        answer = self._curl("INBOX", "-X", "FETCH 1:* (UID ENVELOPE)")
        found = re.findall(rb'\* (\d+) FETCH \(UID (\d+) .*?"number (\d)"', answer)
        return [(int(seq), int(uid), int(number)) for seq, uid, number in found]

    def _curl(self, path: str, *arguments: str) -> bytes:
        settings = ("--config", str(self._settings))
        first, rest = arguments[:2], arguments[2:]
        return output("curl", *settings, *first, f"{self._url}{path}", *rest, home=self._home)
