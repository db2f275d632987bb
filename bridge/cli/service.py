"""`popbridge service install`: systemd's units, with the command's own path in them; the manual
page, and what shells complete by."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from bridge.cli.completion import script
from bridge.cli.man import page
from bridge.errors import ConfigError, StoreError, UsageError

COMMAND = "/usr/bin/popbridge"
"""As the units name it; a packager leaves it."""

SYSTEM_UNITS = (
    "popbridge.service",
    "popbridge.socket",
    "popbridge-backup.service",
    "popbridge-backup.timer",
)
SYSTEM_SHARE = Path("/usr/local/share")
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")
"""What the system's unit can't see: ProtectHome= and PrivateTmp=."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written, and what is run then."""

    files: Mapping[Path, str]
    commands: Sequence[Sequence[str]]
    shared: Mapping[Path, str] = field(default_factory=dict)
    """Written as well, and long: what `shared_files` returns."""


@click.group()
def service() -> None:
    """Starts popbridge with the machine."""


@service.command()
@click.option("--user", is_flag=True, help="For your own user, without root.")
@click.option("--dry-run", is_flag=True, help="Only says what would be done.")
@click.pass_context
def install(context: click.Context, user: bool, dry_run: bool) -> None:
    """Installs and starts the systemd units; the manual page and completion as well."""
    if user:
        plan = user_plan(find_units(), own_command(), context.obj.load().data, os.environ)
        own = os.environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
        shared = shared_files(context.find_root(), Path(own))
    else:
        plan = system_plan(find_units(), own_command())
        shared = shared_files(context.find_root(), SYSTEM_SHARE)
    plan = replace(plan, shared=shared)
    if dry_run:
        _show(plan)
        return
    carry_out(plan)
    click.echo("popbridge runs, and will after the next start of the machine.", err=True)
    if user:
        click.echo("So that it runs while you aren't logged in: loginctl enable-linger", err=True)


def find_units() -> Path:
    """The folder of the units: beside the package, or where pip put them.

    Raises:
        ConfigError: this installation has none.
    """
    for root in (Path(__file__).parents[2], Path(sys.prefix) / "share" / "popbridge"):
        if (root / "systemd" / "popbridge.service").is_file():
            return root / "systemd"
    raise ConfigError(
        "This installation has no systemd units.", "Install popbridge with pip, or clone it."
    )


def own_command() -> list[str]:
    """How to run the popbridge that runs."""
    script = Path(sys.argv[0]).absolute()
    if script.name == "popbridge" and os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "bridge"]


def shared_files(root: click.Context, share: Path) -> dict[Path, str]:
    """The manual page, and what shells complete by, where they look below that folder."""
    places = {
        "bash": "bash-completion/completions/popbridge",
        "zsh": "zsh/site-functions/_popbridge",
        "fish": "fish/vendor_completions.d/popbridge.fish",
    }
    made = {share / place: script(root, shell) for shell, place in places.items()}
    return {share / "man/man1/popbridge.1": page(root) + "\n", **made}


def user_plan(units: Path, command: Sequence[str], data: Path, environ: Mapping[str, str]) -> Plan:
    """The user's unit, which names the data folder that this command line means."""
    own = environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    text = _with_command(units / "popbridge-user.service", [*command, "--data", str(data)])
    systemctl = ["systemctl", "--user"]
    return Plan(
        {Path(own) / "systemd/user/popbridge.service": text},
        [[*systemctl, "daemon-reload"], [*systemctl, "enable", "--now", "popbridge.service"]],
    )


def system_plan(units: Path, command: Sequence[str], root: Path = Path("/")) -> Plan:
    """The system's units; their data are in /var/lib/popbridge.

    Raises:
        UsageError: the unit couldn't see the command.
    """
    if command[0].startswith(_HIDDEN):
        raise UsageError(
            f"A system service can't see {command[0]}: it is kept from home and temporary folders.",
            "Install popbridge in /opt (python3 -m venv /opt/popbridge), or use --user.",
        )
    files = {
        root / "etc/systemd/system" / unit: _with_command(units / unit, command)
        for unit in SYSTEM_UNITS
    }
    for kind in ("sysusers", "tmpfiles"):
        place = root / f"etc/{kind}.d/popbridge.conf"
        files[place] = (units / f"popbridge.{kind}").read_text()
    enabled = ["popbridge.socket", "popbridge.service", "popbridge-backup.timer"]
    return Plan(
        files,
        [
            ["systemd-sysusers", "popbridge.conf"],
            ["systemd-tmpfiles", "--create", "popbridge.conf"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", *enabled],
        ],
    )


def carry_out(plan: Plan) -> None:
    """Writes the files, then runs the commands.

    Raises:
        StoreError: a file can't be written.
        ConfigError: a command is missing or failed.
    """
    for path, text in {**plan.files, **plan.shared}.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError as error:
            raise StoreError(
                f"{path} can't be written: {error.strerror}.",
                "Run it as root, or with --user for your own user.",
            ) from error
        click.echo(f"wrote {path}", err=True)
    for command in plan.commands:
        _run(command)


def _run(command: Sequence[str]) -> None:
    if shutil.which(command[0]) is None:
        raise ConfigError(
            f"There is no {command[0]} here: this machine isn't run by systemd.",
            "Start `popbridge run` by what does run it.",
        )
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise ConfigError(
            f"{' '.join(command)} failed: {said or done.returncode}",
            "The files are in place; once the cause is gone run it again.",
        )


def _with_command(unit: Path, command: Sequence[str]) -> str:
    return unit.read_text().replace(f"={COMMAND} ", f"={' '.join(map(_quoted, command))} ")


def _quoted(word: str) -> str:
    """As systemd.service(5) reads it in ExecStart=."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if escaped.isascii() and not set(escaped) & set(" \"'\\;") else f'"{escaped}"'


def _show(plan: Plan) -> None:
    for path, text in plan.files.items():
        click.echo(f"# {path}\n{text}")
    for path in plan.shared:
        click.echo(f"# write: {path}")
    for command in plan.commands:
        click.echo(f"# run: {' '.join(command)}")
