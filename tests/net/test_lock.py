import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import StoreError, StoreLockedError
from bridge.net.lock import DataLock
from bridge.net.runfile import RunFile, read_run_file, remove, write_run_file

RUN = RunFile(
    pid=123,
    version="1.0",
    imap=("imap://127.0.0.1:41143", "imaps://[::]:1993"),
    web=("http://127.0.0.1:8143",),
    metrics=(),
    control="/run/popbridge/control",
)


def test_promise_10_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    held = DataLock.acquire(tmp_path / "lock")
    with pytest.raises(StoreLockedError, match=rf"popbridge run \(pid {os.getpid()}\)") as caught:
        DataLock.acquire(tmp_path / "lock", "popbridge sync")
    assert caught.value.exit == 75
    held.release()


def test_released_it_is_free_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("what a killed process left, which is longer (pid 1234567)\n")
    first = DataLock.acquire(tmp_path / "lock", "popbridge status")
    assert (tmp_path / "lock").read_text() == f"popbridge status (pid {os.getpid()})\n"
    first.release()
    first.release()
    second = DataLock.acquire(tmp_path / "lock", "popbridge sync")
    assert (tmp_path / "lock").read_text() == f"popbridge sync (pid {os.getpid()})\n"
    second.release()
    assert (tmp_path / "lock").exists()


def test_it_ends_with_a_killed_process_whose_line_is_replaced(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from bridge.net.lock import DataLock;"
        " DataLock.acquire(pathlib.Path(sys.argv[1])); print('held', flush=True);"
        " sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError, match=rf"\(pid {holder.pid}\)"):
            DataLock.acquire(tmp_path / "lock")
        holder.kill()
    DataLock.acquire(tmp_path / "lock").release()


def test_a_holder_that_wrote_nothing_is_another_process(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreLockedError, match="in use by another process"):
            DataLock.acquire(tmp_path / "lock")


def test_a_full_disk_does_not_keep_the_lock_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    DataLock.acquire(tmp_path / "lock").release()


def test_only_its_owner_may_open_the_file(tmp_path: Path) -> None:
    DataLock.acquire(tmp_path / "lock").release()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_no_folder_and_no_locks_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="can't be opened: No such file"):
        DataLock.acquire(tmp_path / "nowhere" / "lock")

    def unable(*args: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unable)
    with pytest.raises(StoreError, match="can't be locked: No locks available"):
        DataLock.acquire(tmp_path / "lock")


def test_a_run_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_run_file(tmp_path / "run.json", RUN)
    write_run_file(tmp_path / "run.json", RUN)
    assert read_run_file(tmp_path / "run.json") == RUN
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    remove(tmp_path / "run.json")
    remove(tmp_path / "run.json")
    assert read_run_file(tmp_path / "run.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": null}', "\xff"])
def test_a_damaged_run_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, "latin-1")
    assert read_run_file(tmp_path / "run.json") is None
