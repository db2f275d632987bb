"""What is asked on a terminal, on a real one."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from select import select

import pytest

from tests.e2e.daemon import add_account, popbridge

pytestmark = pytest.mark.e2e

CTRL_C = b"\x03"
AGAIN_S = 10.0
"""Rarely waited for, and longer than a busy machine takes to react: a second Ctrl-C would meet a
program that is ending for the first."""


def on_terminal(
    data: Path, *words: str, answers: list[tuple[bytes, bytes]], hidden: bool = False
) -> tuple[int, bytes]:
    """Exit code, and all that the terminal showed; answers a prompt when it has been shown.

    What is typed before echoing is turned off is thrown away, so `hidden` answers wait for that.
    A Ctrl-C that comes just before a program waits for input is noticed with the next key only,
    whatever the program; so, like a person, this types it again until something happens.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "--data", str(data), *words],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    try:
        shown = _typed_into(ours, answers, process.pid, hidden=hidden)
        return process.wait(300), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _sleeps(pid: int) -> bool:
    """Whether a process waits, as for a key, and neither works nor waits for its turn."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def _typed_into(ours: int, answers: list[tuple[bytes, bytes]], pid: int, *, hidden: bool) -> bytes:
    shown, waiting, typed = b"", list(answers), b""
    while True:
        if typed == CTRL_C and not select([ours], [], [], AGAIN_S)[0]:
            if _sleeps(pid):
                os.write(ours, typed)
            continue
        try:
            shown += os.read(ours, 4096)
        except OSError:  # The terminal's other side is closed.
            return shown
        if waiting and waiting[0][0] in shown:
            while hidden and termios.tcgetattr(ours)[3] & termios.ECHO:
                os.sched_yield()
            typed = waiting.pop(0)[1]
            os.write(ours, typed)


def test_a_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    code, shown = on_terminal(
        tmp_path, "account", "add", "alice", "--pop3", "pop3s://alice@pop.invalid", "--no-check",
        answers=[(b"POP3 password", b"canary\n")], hidden=True,
    )  # fmt: skip
    assert code == 0, shown
    assert b"canary" not in shown
    assert b"Its IMAP password, shown this once: " in shown


def test_removing_asks(tmp_path: Path) -> None:
    add_account(tmp_path, 1)
    words = ("account", "remove", "alice")
    code, shown = on_terminal(tmp_path, *words, answers=[(b"Remove it?", b"n\n")])
    assert code == 0
    assert b"Nothing was changed." in shown
    assert "alice" in popbridge(tmp_path, "account", "list").stdout
    code, shown = on_terminal(tmp_path, *words, answers=[(b"Remove it?", CTRL_C)])
    assert code == 130
    assert b"popbridge: interrupted." in shown
    code, shown = on_terminal(tmp_path, *words, answers=[(b"Remove it?", b"y\n")])
    assert (code, b"Removed alice." in shown) == (0, True)
    assert popbridge(tmp_path, "account", "list").stdout == ""
