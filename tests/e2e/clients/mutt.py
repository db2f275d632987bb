"""mutt, typed at; neomutt differs but in name."""

import re
from pathlib import Path

from tests.e2e.clients.port import Client, Habits, Login, Security
from tests.e2e.clients.terminal import Terminal
from tests.e2e.programs import installed

CLEAR_LINE = "\x15"
MAILBOXES = re.compile(r"^ +\d+ .*?(\w+)/?$", re.MULTILINE)


class Mutt(Client):
    """Each deed ends in an echo on the message line: what was typed before is done then."""

    program = "mutt"
    browse = "?"
    """From the question for a mailbox to the list of all."""
    # It writes the lines that mbox files have: Content-Length and Lines.
    habits = Habits(leaving_sets=frozenset({"Old"}), rewrites_appended=True)

    def __init__(self, login: Login, home: Path) -> None:
        self._home = home
        self._done = 0
        scheme = "imaps" if login.security is Security.TLS else "imap"
        self._url = f"{scheme}://127.0.0.1:{login.port}/"
        rc = home / "muttrc"
        rc.write_text(self._settings(login))
        self._terminal = Terminal(
            installed(self.program), "-n", "-F", str(rc), "-f", f"{self._url}INBOX", home=home
        )
        self._terminal.until(r"Msgs:\d")

    def _settings(self, login: Login) -> str:
        yes_no = "yes" if login.security is Security.STARTTLS else "no"
        authority = f'set certificate_file="{login.authority}"' if login.authority else ""
        return f"""
set imap_user={login.user}
set imap_pass={login.password}
set imap_authenticators=login
set imap_check_subscribed=no
set imap_list_subscribed=no
set ssl_starttls={yes_no}
set ssl_force_tls={yes_no}
{authority}
set folder="{self._url}"
set spoolfile="+INBOX"
set record=""
set delete=yes
set confirmappend=no
set quit=yes
set wait_key=no
set header_cache=""
set message_cachedir=""
set pipe_decode=no
set beep=no
set sleep_time=0
"""

    def mailboxes(self) -> set[str]:
        self._terminal.type("c")
        self._terminal.until("^Open mailbox")
        self._terminal.type(self.browse)
        shown = self._terminal.until(r"Trash")
        self._terminal.type("q")
        return set(MAILBOXES.findall(shown))

    def numbers(self) -> set[int]:
        return {int(n) for n in re.findall(r"number (\d)", self.do(""))}

    def read(self, number: int) -> bytes:
        out = self._home / f"read-{number}"
        self.do(f"{self._jump(number)}|cat > {out}\n")
        return out.read_bytes()

    def flag(self, number: int) -> None:
        self.do(f"{self._jump(number)}F$")

    def move(self, number: int, mailbox: str) -> None:
        self.do(f"{self._jump(number)}s{CLEAR_LINE}={mailbox}\n$")

    def delete(self, number: int) -> None:
        self.do(f"{self._jump(number)}d$")

    def search(self, word: str) -> set[int]:
        # "=b" asks the server; "~b" would fetch all bodies.
        self.do(f"l{CLEAR_LINE}=b {word}\n")
        found = self.numbers()
        self.do(f"l{CLEAR_LINE}all\n")
        return found

    def append(self, octets: bytes, mailbox: str) -> None:
        local = self._home / "mbox"
        text = octets.replace(b"\r\n", b"\n")
        local.write_bytes(b"From a Sun Nov  1 10:00:00 2026\n" + text + b"\n")
        self.do(f"c{CLEAR_LINE}{local}\n")
        self.do(f"C{CLEAR_LINE}={mailbox}\n")
        self.do(f"c{CLEAR_LINE}=INBOX\n")

    def reconnect(self) -> None:
        self.do(f"c{CLEAR_LINE}=INBOX\n")

    def leave(self) -> None:
        self._terminal.type("q")
        assert self._terminal.ended() == 0

    def end(self) -> None:
        self._terminal.close()

    def _jump(self, number: int) -> str:
        return f"/{CLEAR_LINE}number {number}\n"

    def do(self, keys: str) -> str:
        """Types, and waits until all of it is done; the screen then."""
        self._done += 1
        self._terminal.type(f"{keys}:echo done-{self._done}\n")
        return self._terminal.until(rf"^done-{self._done}$")
