"""aerc, by the commands of its ex line; what it answers on the status line is waited for."""

import re
from pathlib import Path

from tests.e2e.clients.port import Client, Habits, Login, Security
from tests.e2e.clients.terminal import Terminal
from tests.e2e.programs import installed

SCHEME = {Security.PLAIN: "imap+insecure", Security.STARTTLS: "imap", Security.TLS: "imaps"}
ALL = r"number 6(.*\n)+.*number 1"
ROW = re.compile(r"number (\d)")

EDITOR = """#!/bin/sh
cat {body} > "$1"
"""


class Aerc(Client):
    """A message is selected by its place among those shown, then something is done to it."""

    # It writes a draft of its own: the text is what it was given, the header isn't.
    habits = Habits(appending_sets=frozenset({"\\Seen"}), rewrites_appended=True)

    def __init__(self, login: Login, home: Path, idle_after: str = "1h") -> None:
        """Idles so long after a command.

        aerc 0.14, once it has reconnected by itself, sends a command before the DONE of its IDLE
        and waits for ever for an answer to it; "The client MUST NOT send a command while the
        server is waiting for the DONE" (RFC 2177 §3).
        """
        self._home = home
        folder = home / ".config" / "aerc"
        folder.mkdir(parents=True)
        accounts = folder / "accounts.conf"
        accounts.write_text(
            f"""
[bridge]
source = {SCHEME[login.security]}://{login.user}:{login.password}@127.0.0.1:{login.port}
outgoing = /bin/true
from = alice <alice@example.org>
default = INBOX
postpone = Drafts
idle-debounce = {idle_after}
reconnect-maxwait = 1s
"""
        )
        # It refuses passwords that others can read.
        accounts.chmod(0o600)
        editor = home / "editor"
        editor.write_text(EDITOR.format(body=home / "body"))
        editor.chmod(0o700)
        (folder / "aerc.conf").write_text(f"[compose]\neditor={editor}\n")
        env = {"SSL_CERT_FILE": str(login.authority)} if login.authority else {}
        self._terminal = Terminal(installed("aerc"), home=home, **env)
        self._terminal.until(ALL)

    def mailboxes(self) -> set[str]:
        # The names are at the left of the messages.
        self._terminal.until(r"^Trash")
        return set(re.findall(r"^(\w+)", self._settled(), re.MULTILINE))

    def numbers(self) -> set[int]:
        self._settled()
        return set(self._rows())

    def read(self, number: int) -> bytes:
        out = self._home / f"read-{number}"
        self._do(number, f"pipe -b -m tee {out}", "tee: completed with status 0")
        return out.read_bytes().replace(b"\r\n", b"\n")

    def flag(self, number: int) -> None:
        self._do(number, "flag", f"! +number {number}")

    def move(self, number: int, mailbox: str) -> None:
        self._do(number, f"mv {mailbox}", f"Messages moved to {mailbox}")

    def delete(self, number: int) -> None:
        self._do(number, "delete", r"Messages deleted\.")

    def search(self, word: str) -> set[int]:
        before = self.numbers()
        self._type(f"filter -b {word}")
        while set(self._rows()) == before:
            self._terminal.more()
        found = self.numbers()
        self._type("clear")
        self._terminal.until("".join(rf"(?=(?:.|\n)*number {number}\b)" for number in before))
        return found

    def append(self, octets: bytes, mailbox: str) -> None:
        head, _, body = octets.replace(b"\r\n", b"\n").partition(b"\n\n")
        subject = re.search(rb"^Subject: (.*)$", head, re.MULTILINE)
        assert subject is not None and mailbox == "Drafts"
        (self._home / "body").write_bytes(body)
        self._type(f"compose -H 'Subject: {subject[1].decode()}' -H 'To: <b@example.org>'")
        self._terminal.until(r"Send this email\?")
        self._type("postpone")
        self._terminal.until(r"Message postponed\.")

    def lost(self) -> None:
        self._terminal.until("reconnect in")

    def reconnect(self) -> None:
        """It does so by itself, but says so only when it is asked for something.

        Then it lists INBOX anew and shows the old list until then: only a look at Drafts, where
        there must be something, tells when that is over.
        """
        self._terminal.ask_until(":select 0\r", r"\[bridge\] Connected")
        self._type("cf Drafts")
        self._terminal.until(r"\A(?!(.|\n)*number 6)(.|\n)*number \d")
        self._type("cf INBOX")
        self._terminal.until(ALL)

    def leave(self) -> None:
        self._type("quit")
        assert self._terminal.ended() == 0

    def end(self) -> None:
        self._terminal.close()

    def shows(self, pattern: str) -> None:
        """Waits until the screen has it."""
        self._terminal.until(pattern)

    def _rows(self) -> list[int]:
        return [int(number) for number in ROW.findall(self._terminal.text())]

    def _settled(self) -> str:
        """The screen once all is drawn that was to be: what is typed shows behind that."""
        self._terminal.type(":select 0")
        shown = self._terminal.until("^:select 0")
        self._terminal.type("\r")
        self._terminal.until(r"\A(?!(.|\n)*:select 0)")
        return shown

    def _type(self, command: str) -> None:
        self._terminal.type(f":{command}\r")

    def _do(self, number: int, command: str, answer: str) -> None:
        self._type(f"select {self._rows().index(number)}")
        self._type(command)
        self._terminal.until(answer)
