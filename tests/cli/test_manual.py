"""Completion and manual page, as the shells and the formatter read them."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli.main import Lazy, popbridge
from tests.e2e.programs import installed

COMMANDS = popbridge.list_commands(None)  # type: ignore[arg-type]


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(popbridge, arguments, obj=Lazy(None, None))
    assert done.exit_code == 0, done.output
    return done.output


def test_bash_completes_commands(tmp_path: Path) -> None:
    bash = installed("bash")
    command = tmp_path / "popbridge"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bridge "$@"\n')
    command.chmod(0o755)
    script = (
        printed("completion", "bash")
        + "\nCOMP_WORDS=(popbridge acc); COMP_CWORD=1; _popbridge_completion popbridge\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script], capture_output=True, text=True, timeout=120,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("account", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    assert "_POPBRIDGE_COMPLETE" in printed("completion", shell)


def test_the_page_has_every_command() -> None:
    page = printed("man")
    for name in COMMANDS:
        assert f".SS popbridge {name}" in page.replace("\\-", "-")
    assert "\\-\\-data PATH" in page


def test_no_line_is_taken_for_troffs_own() -> None:
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".B"}
    lines = printed("man").splitlines()
    assert {line.split()[0] for line in lines if line.startswith(".")} <= known
    assert not any(line.startswith("'") for line in lines)
