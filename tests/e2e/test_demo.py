"""`popbridge demo` as a stranger runs it: what it prints is all that a mail program needs."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.e2e.clients.maildir import mail_in
from tests.e2e.clients.mbsync import Mbsync
from tests.e2e.clients.mutt import Mutt
from tests.e2e.clients.port import Login
from tests.e2e.daemon import ANSWERED_S
from tests.leftovers import end_behind_the_test

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ENDED_S = 120
PRINTED = re.compile(
    r"port +(?P<imap>\d+) .* or (?P<imaps>\d+) with TLS.*"
    r"user +(?P<user>\S+)\n +password +(?P<password>\S+)\n.*Ctrl-C",
    re.DOTALL,
)


class Demo:
    """A demo that runs, and what it has printed."""

    def __init__(self, temporary: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "demo"],
            stdout=subprocess.PIPE,
            text=True,
            env={"TMPDIR": str(temporary), "HOME": str(temporary), "PATH": "/usr/bin:/bin"},
        )
        end_behind_the_test(self.close)
        assert self.process.stdout is not None
        text = ""
        while (found := PRINTED.search(text)) is None:
            line = self.process.stdout.readline()
            assert line, f"the demo ended: {text}"
            text += line
        self.login = Login(int(found["imap"]), found["user"], found["password"])

    def client(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.login.port, ssl=False, timeout=ANSWERED_S)
        client.login(self.login.user, self.login.password)
        client.select_folder("INBOX")
        return client

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(ENDED_S)

    def close(self) -> None:
        """Ends it if it runs yet."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def demo(temporary: Path) -> Iterator[Demo]:
    made = Demo(temporary)
    yield made
    assert made.interrupt() == 0
    assert not list(temporary.iterdir()), "the demo left something"


def test_the_three_clients_work_with_what_the_demo_prints(demo: Demo, tmp_path: Path) -> None:
    with demo.client() as client:
        uids = client.search()
        assert len(uids) >= 10
        client.copy(uids[:2], "Archive")
        client.append("Drafts", b"Subject: draft\r\n\r\ntext\r\n")
    with Mutt(demo.login, tmp_path) as mutt:
        # The first is flagged, the last is deleted.
        mutt.do("=F*d$")
    inbox = Mbsync(demo.login, tmp_path).tree / "INBOX"
    assert len(mail_in(inbox)) >= len(uids) - 1
    assert any("F" in path.name.rpartition(":2,")[2] for path in mail_in(inbox))
    assert len(mail_in(inbox.parent / "Archive")) == 2
    assert len(mail_in(inbox.parent / "Drafts")) == 1
    with demo.client() as client:
        left = client.search()
        assert uids[-1] not in left and set(uids[:-1]) <= set(left)
