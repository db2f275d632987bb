import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import logs

TWISTED_FAULT = """
import sys
from bridge import logs
logs.set_up("info", sys.argv[1])
logs.set_up("info", sys.argv[1])
faults = []
logs.count_faults(lambda: faults.append(1))
from twisted.logger import Logger
try:
    1 / 0
except ZeroDivisionError:
    Logger("popbridge.loop").failure("A task failed")
print(len(faults))
"""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_of_json_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json", {})
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("popbridge.x").exception('"%s"\n', "quoted")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert entry["logger"] == "popbridge.x"
    assert entry["message"] == '"quoted"\n'
    assert "ValueError: why" in entry["exception"]
    assert entry["time"].endswith("+00:00")


def test_the_level_counts_and_can_change(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("warning", "text", {})
    log = logging.getLogger("popbridge.x")
    log.info("not said")
    logs.set_level("debug")
    log.debug("said")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("popbridge.x: said")


def test_the_journal_gets_a_priority_on_each_line_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as journal:
        monkeypatch.setattr(sys, "stderr", journal)
        found = os.fstat(journal.fileno())
        logs.set_up("info", "text", {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        logging.getLogger("popbridge.x").warning("two\nlines")
        # As a child has it whose standard error is a file of its own.
        logs.set_up("info", "text", {"JOURNAL_STREAM": "8:1"})
        logging.getLogger("popbridge.x").warning("elsewhere")
    first, second, third = (tmp_path / "journal").read_text().splitlines()
    assert (first, second) == ("<4>popbridge.x: two", "<4>lines")
    assert not third.startswith("<")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_fault_inside_twisted_is_told_once_and_counted(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWISTED_FAULT, form], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"
    assert done.stderr.count("division by zero") == 1
    if form == "json":
        assert all(json.loads(line) for line in done.stderr.splitlines())
