"""alpine, typed at."""

import re
from pathlib import Path

from tests.e2e.clients.port import Client, Habits, Login, Security
from tests.e2e.clients.terminal import Terminal
from tests.e2e.programs import installed

PROTECTION = {Security.PLAIN: "notls", Security.STARTTLS: "tls", Security.TLS: "ssl"}
FEATURES = (
    "enable-flag-cmd",
    "enable-aggregate-command-set",
    "enable-unix-pipe-cmd",
    "auto-zoom-after-select",
    "expunge-without-confirm-everywhere",
    "quit-without-confirm",
)
INDEX = r"MESSAGE INDEX(.|\n)*number 6"
ROW = re.compile(r"^ +(\d+) .*number (\d)$", re.MULTILINE)
OF = re.compile(r"MESSAGE INDEX.*(?:Message|Msg) \d+ of (\d+)")
RAW_TEXT, TO_INBOX, NEXT_COLLECTION, LOOK_AGAIN = "\x17", "\x17", "\x0e", "\x0c"


class Alpine(Client):
    """Every question is waited for before it is answered."""

    habits = Habits(reading_sets=frozenset({"\\Seen"}))

    def __init__(self, login: Login, home: Path) -> None:
        self._home = home
        (home / "mail").mkdir()
        rc = home / "pinerc"
        rc.write_text(self._settings(login))
        env = {"SSL_CERT_FILE": str(login.authority)} if login.authority else {}
        self._terminal = Terminal(installed("alpine"), "-p", str(rc), home=home, **env)
        self._answer("ENTER PASSWORD:", f"{login.password}\r")
        self._answer("Preserve password", "n")
        self._terminal.until(INDEX)

    def _settings(self, login: Login) -> str:
        options = f"/imap/{PROTECTION[login.security]}/user={login.user}"
        # It compares the certificate with names only, not with addresses.
        server = f"{{localhost:{login.port}{options}}}"
        return f"""
personal-name=alice
user-domain=example.org
inbox-path={server}INBOX
folder-collections=far {server}[], near {self._home}/mail/[]
default-fcc=""
feature-list={",".join(FEATURES)}
initial-keystroke-list=i
sort-key=Arrival
index-format=MSGNO STATUS SUBJECT
last-version-used=9.99
"""

    def mailboxes(self) -> set[str]:
        self._terminal.type("l")
        self._answer("COLLECTION LIST(.|\n)*far", "\r")
        shown = self._terminal.until(r"FOLDER LIST(.|\n)*Trash\[/\]")
        self._terminal.type("<")
        self._answer("COLLECTION LIST", "i")
        self._terminal.until(INDEX)
        return set(re.findall(r"(\w+)\[/\]", shown))

    def numbers(self) -> set[int]:
        return set(self._drawn())

    def read(self, number: int) -> bytes:
        out = self._home / f"read-{number}"
        self._go(number)
        self._terminal.type("|")
        self._answer("Pipe message", RAW_TEXT)
        self._answer("RAW", f"cat > {out}\r")
        self._terminal.until("PIPE MESSAGE command completed")
        return out.read_bytes().replace(b"\r\n", b"\n")

    def flag(self, number: int) -> None:
        self._go(number)
        self._terminal.type("*")
        self._answer("^Flag New", "\r")
        self._terminal.until(rf"^ +\d+ +\*.*number {number}$")

    def move(self, number: int, mailbox: str) -> None:
        self._go(number)
        self._save(mailbox)
        self._expunge(number)

    def delete(self, number: int) -> None:
        self._go(number)
        self._terminal.type("d")
        self._expunge(number)

    def search(self, word: str) -> set[int]:
        self._terminal.type(";")
        self._answer("^SELECT criteria", "t")
        self._answer("^Select based on", "a")
        self._answer("^String in message TEXT", f"{word}\r")
        shown = self._terminal.until(r"Select matched \d+ message")
        matched = re.search(r"matched (\d+)", shown)
        assert matched is not None
        while len(found := set(self._rows())) != int(matched[1]):
            self._terminal.more()
        self._terminal.type("z")
        self._terminal.until(r"ALPINE \S+ +MESSAGE INDEX")
        return found

    def append(self, octets: bytes, mailbox: str) -> None:
        local = self._home / "mail" / "letter"
        text = octets.replace(b"\r\n", b"\n")
        local.write_bytes(b"From a Sun Nov  1 10:00:00 2026\n" + text + b"\n")
        self._terminal.type("g")
        self._answer("^GOTO folder in <far>", NEXT_COLLECTION)
        self._answer("^GOTO folder in <near>", "letter\r")
        self._terminal.until("<near> letter")
        self._save(mailbox)
        self._open_inbox()

    def lost(self) -> None:
        self._terminal.ask_until(LOOK_AGAIN, r"Folder: INBOX\(CLOSED\)")

    def reconnect(self) -> None:
        self._open_inbox()

    def leave(self) -> None:
        self._terminal.type("q")
        assert self._terminal.ended() == 0

    def end(self) -> None:
        self._terminal.close()

    def _rows(self) -> dict[int, str]:
        """What alpine calls each number: its place."""
        return {int(number): place for place, number in ROW.findall(self._terminal.text())}

    def _drawn(self) -> dict[int, str]:
        """The rows of a whole index: while alpine draws one, lines of the last stand below it."""
        while True:
            found = ROW.findall(self._terminal.text())
            total = OF.search(self._terminal.text())
            places = [place for place, _ in found]
            rows = {int(number): place for place, number in found}
            if total and len(rows) == len(set(places)) == len(found) == int(total[1]):
                return rows
            self._terminal.more()

    def _go(self, number: int) -> None:
        place = self._drawn()[number]
        self._terminal.type(f"{place}\r")
        self._terminal.until(rf"(Message|Msg) {place} of")

    def _save(self, mailbox: str) -> None:
        self._terminal.type("s")
        self._answer("^SAVE Msg", f"{mailbox}\r")
        self._terminal.until(r"^ +\d+ +D")

    def _expunge(self, number: int) -> None:
        """Here alpine says how many; but that it says for a while."""
        self._terminal.until(rf"^ +\d+ +D.*number {number}$")
        self._terminal.type("x")
        self._terminal.until(rf"\A(?!(.|\n)*number {number})(.|\n)*MESSAGE INDEX")

    def _open_inbox(self) -> None:
        self._terminal.type("g")
        self._answer("^GOTO folder", TO_INBOX)
        self._terminal.until(r"Folder: INBOX (.|\n)*number 6")

    def _answer(self, question: str, answer: str) -> None:
        self._terminal.until(question)
        self._terminal.type(answer)
