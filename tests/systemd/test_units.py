"""The units, as systemd itself reads them."""

import subprocess
from pathlib import Path

import click
import pytest

from bridge.cli import service
from bridge.cli.main import popbridge as popbridge_command
from bridge.errors import ConfigError, UsageError
from bridge.net.activation import NAMES
from tests.e2e.daemon import popbridge
from tests.e2e.programs import installed

UNITS = Path(__file__).parents[2] / "systemd"
MOST_EXPOSED = 15


@pytest.fixture
def installed_units(tmp_path: Path) -> list[Path]:
    """The system's units with a command that is there, as `service install` writes them."""
    made = []
    for path, text in service.system_plan(UNITS, ["/bin/true"]).files.items():
        if path.suffix != ".conf":
            made.append(tmp_path / path.name)
            # The manual may not be installed here; nor is the user.
            made[-1].write_text(text.replace("Documentation=man:popbridge(1)\n", ""))
    imap = UNITS / "popbridge-imap.socket"
    (tmp_path / imap.name).write_text(
        imap.read_text().replace("Documentation=man:popbridge(1)\n", "")
    )
    return [*made, tmp_path / imap.name]


def test_systemd_has_nothing_to_say(installed_units: list[Path]) -> None:
    program = installed("systemd-analyze")
    done = subprocess.run(
        [program, "verify", "--man=no", *map(str, installed_units)],
        capture_output=True, text=True, timeout=120,
        env={"SYSTEMD_UNIT_PATH": f"{installed_units[0].parent}:"},
    )  # fmt: skip
    names = [unit.name for unit in installed_units]
    ours = [line for line in done.stderr.splitlines() if any(name in line for name in names)]
    assert ours == []
    assert done.returncode == 0, done.stderr


def test_systemd_has_nothing_to_say_to_a_user(tmp_path: Path) -> None:
    program = installed("systemd-analyze")
    plan = service.user_plan(UNITS, ["/bin/true"], tmp_path, {"XDG_CONFIG_HOME": str(tmp_path)})
    service.carry_out(service.Plan(plan.files, []))
    (unit,) = plan.files
    done = subprocess.run(
        [program, "--user", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=120, env={"XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert not any("popbridge.service" in line for line in done.stderr.splitlines()), done.stderr
    assert done.returncode == 0, done.stderr


def test_a_dry_run_only_says_what_it_would_do(tmp_path: Path) -> None:
    done = popbridge(tmp_path, "service", "install", "--user", "--dry-run", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"--data {tmp_path} run" in done.stdout
    assert "# run: systemctl --user enable --now popbridge.service" in done.stdout
    for name in ("man/man1/popbridge.1", "bash-completion/completions/popbridge"):
        assert f"# write: {tmp_path}/.local/share/{name}\n" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_manual_and_completion_are_where_they_are_looked_for(tmp_path: Path) -> None:
    shared = service.shared_files(click.Context(popbridge_command, obj=None), tmp_path)
    service.carry_out(service.Plan({}, [], shared))
    assert (tmp_path / "man/man1/popbridge.1").read_text().startswith(".TH POPBRIDGE 1")
    for place in (
        "bash-completion/completions/popbridge",
        "fish/vendor_completions.d/popbridge.fish",
    ):
        assert "_POPBRIDGE_COMPLETE" in (tmp_path / place).read_text()
    # So that zsh loads it from there.
    assert (tmp_path / "zsh/site-functions/_popbridge").read_text().startswith("#compdef popbridge")


@pytest.mark.parametrize("unit", ["popbridge.service", "popbridge-backup.service"])
def test_little_is_exposed(unit: str) -> None:
    program = installed("systemd-analyze")
    done = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNITS / unit)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_what_breaks_popbridge_is_not_set() -> None:
    lines = (UNITS / "popbridge.service").read_text().splitlines()
    assert not any(line.startswith(("MemoryDenyWriteExecute=", "ProcSubset=")) for line in lines)


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.socket")), ids=lambda path: path.name)
def test_sockets_have_names_that_are_known(unit: Path) -> None:
    named = [
        line for line in unit.read_text().splitlines() if line.startswith("FileDescriptorName")
    ]
    assert len(named) == 1
    assert named[0].partition("=")[2] in NAMES


def test_the_users_unit_names_command_and_folder(tmp_path: Path) -> None:
    data = Path("/home/al ice/100%/mail")
    plan = service.user_plan(
        UNITS, ["/opt/p/bin/popbridge"], data, {"XDG_CONFIG_HOME": str(tmp_path)}
    )
    ((path, text),) = plan.files.items()
    assert path == tmp_path / "systemd/user/popbridge.service"
    assert 'ExecStart=/opt/p/bin/popbridge --data "/home/al ice/100%%/mail" run\n' in text
    assert plan.commands[-1] == ["systemctl", "--user", "enable", "--now", "popbridge.service"]


def test_the_systems_units_name_the_command(tmp_path: Path) -> None:
    plan = service.system_plan(UNITS, ["/opt/p/bin/popbridge"], tmp_path)
    texts = {path.relative_to(tmp_path).as_posix(): text for path, text in plan.files.items()}
    assert "ExecStart=/opt/p/bin/popbridge run\n" in texts["etc/systemd/system/popbridge.service"]
    backup = texts["etc/systemd/system/popbridge-backup.service"]
    assert "ExecStart=/opt/p/bin/popbridge backup /var/lib" in backup
    assert set(texts) >= {"etc/sysusers.d/popbridge.conf", "etc/tmpfiles.d/popbridge.conf"}
    assert not any(service.COMMAND in text for text in texts.values())


def test_a_service_that_could_not_see_the_command_is_refused() -> None:
    with pytest.raises(UsageError, match="can't see /home/alice"):
        service.system_plan(UNITS, ["/home/alice/.local/bin/popbridge"])


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_files_are_written_before_the_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    unit = tmp_path / "a" / "b.service"
    program(tmp_path, "systemctl", f'test -f {unit} && echo "$@" >> {tmp_path}/ran')
    service.carry_out(service.Plan({unit: "text\n"}, [["systemctl", "one"], ["systemctl", "two"]]))
    assert (tmp_path / "ran").read_text() == "one\ntwo\n"
    program(tmp_path, "systemctl", "echo no bus >&2; exit 1")
    with pytest.raises(ConfigError, match="systemctl one failed: no bus"):
        service.carry_out(service.Plan({}, [["systemctl", "one"]]))
    with pytest.raises(ConfigError, match="isn't run by systemd"):
        service.carry_out(service.Plan({}, [["no-such-systemctl"]]))
