"""How `popbridge doctor` shows what it found."""

import io
import json
import sys
from pathlib import Path

import pytest

from bridge.cli.doctor_report import Report
from bridge.cli.main import run_command
from bridge.doctor.finding import Entry, Finding, failed, ok, unchecked, warning
from bridge.errors import StoreFullError


def shown(
    capsys: pytest.CaptureFixture[str], *entries: tuple[str, Finding]
) -> tuple[Report, list[str]]:
    report = Report(quiet=False)
    report.add([Entry("Group", name, finding) for name, finding in entries])
    report.sum_up()
    return report, capsys.readouterr().out.splitlines()


def test_each_verdict_has_a_word_a_sign_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = shown(
        capsys,
        ("one", ok("It works.")),
        ("two", warning("It is old.", "Renew it.")),
        ("three", failed(StoreFullError("No room.", "Make some."))),
        ("four", unchecked("nobody asked")),
    )
    assert lines == [
        "Group",
        "  ✓ ok           one            It works.",
        "  ! warning      two            It is old.",
        "                                → Renew it.",
        "  ✗ failed       three          BR-STORE-02: No room.",
        "                                → Make some.",
        "  · not checked  four           nobody asked",
        "",
        "4 checks: 1 ok, 1 to look at, 1 failed, 1 not checked.",
    ]


def test_what_was_not_checked_for_one_reason_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report, lines = shown(
        capsys, ("a", unchecked("no log-in")), ("b", unchecked("no log-in")), ("c", ok("Fine."))
    )
    assert lines[1:3] == [
        "  · not checked  a              and b: no log-in",
        "  ✓ ok           c              Fine.",
    ]
    assert len(report.entries) == 3
    assert lines[-1] == "Nothing has failed."


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, ("a", ok("Fine.")))[1][-1] == "All is well."


def test_long_lines_are_wrapped_and_indented(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = shown(capsys, ("a", ok("word " * 60)))
    assert all(len(line) <= 100 for line in lines)
    assert lines[2].startswith(" " * 32 + "word")


def test_a_terminal_without_unicode_gets_ascii(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(octets, encoding="ascii"))
    report = Report(quiet=False)
    report.add([Entry("Group", "a", warning("Jürgen", "Renew it."))])
    sys.stdout.flush()
    assert octets.getvalue().decode("ascii").splitlines() == [
        "Group",
        "  ! warning      a              J?rgen",
        "                                > Renew it.",
    ]


def test_a_password_is_of_one_login(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for logins in ([], ["alice", "bob"]):
        words = ["--data", str(tmp_path), "doctor", *logins, "--password-file", "-"]
        assert run_command(words) == 64
        assert "one LOGIN" in capsys.readouterr().err


def test_where_nothing_is_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "none"
    assert run_command(["--data", str(data), "doctor"]) == 0
    out, err = capsys.readouterr()
    assert "`popbridge account add` makes it" in out and "Checking the store" in err
    assert not data.exists()


def test_a_wrong_configuration_keeps_nothing_else_from_being_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "popbridge.toml").write_text("[imap]\nlisten_on = []\n")
    assert run_command(["--data", str(tmp_path), "doctor", "--json"]) == 78
    checks = {one["check"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["configuration"]["code"] == "BR-CONFIG-01"
    assert "nearest" in checks["configuration"]["remedy"]
    assert checks["data folder"]["code"] == "BR-STORE-03"
    for name in ("popbridge", "state"):
        assert checks[name]["text"] == "the configuration can't be read"
