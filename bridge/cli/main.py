"""The command `popbridge`: global options, and errors to words and exit codes."""

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from bridge import __version__
from bridge.cli import settings as settings_module
from bridge.errors import BridgeError, Exit, StoreFullError, UsageError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

INTERRUPTED = 130
"""As a shell reports SIGINT."""


class Lazy:
    """The settings, loaded by the commands that need them."""

    def __init__(self, data: Path | None, config_file: Path | None) -> None:
        self._data = data
        self._config_file = config_file

    def load(self) -> settings_module.Settings:
        """As `bridge.cli.settings.load`."""
        return settings_module.load(self._data, self._config_file, os.environ)

    def locate(self) -> tuple[Path, Path]:
        """As `bridge.cli.settings.locate`."""
        return settings_module.locate(self._data, self._config_file, os.environ)


class Commands(click.Group):
    """The sub-commands, of which only the one that is run is imported."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Their names, in order."""
        return sorted(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The sub-command of that name, or None."""
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        found: click.Command = getattr(import_module(f"bridge.cli.{module}"), attribute)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="popbridge %(version)s")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="popbridge.toml.")
@click.pass_context
def popbridge(context: click.Context, data: Path | None, config_file: Path | None) -> None:
    """A POP3 mailbox, kept safe and served over IMAP to many devices."""
    context.obj = Lazy(data, config_file)


_COMMANDS = {
    "account": "account:account",
    "backup": "backup:backup",
    "completion": "completion:completion",
    "config": "config:config",
    "demo": "demo:demo",
    "device": "device:device",
    "doctor": "doctor:doctor",
    "export": "export:export",
    "healthcheck": "healthcheck:healthcheck",
    "import": "import_:import_command",
    "man": "man:man",
    "restore": "restore:restore_command",
    "run": "run:run",
    "service": "service:service",
    "settings": "settings_card:settings_command",
    "status": "status:status",
    "sync": "sync:sync",
    "trace": "trace:trace",
    "undelete": "undelete:undelete",
    "verify": "verify:verify",
}
"""Where each is, as "module:attribute"."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with the contract's code."""
    if not sys.warnoptions:
        # What libraries find deprecated is for who works on popbridge, not for who runs it.
        warnings.simplefilter("ignore")
    code = run_command(arguments)
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        # What couldn't be written was reported; Python would try again at exit, and complain.
        sys.stdout = None
    sys.exit(code)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; its exit code. Errors are one sentence and a remedy on stderr."""
    try:
        result = popbridge.main(
            args=None if arguments is None else list(arguments),
            prog_name="popbridge",
            standalone_mode=False,
        )
        return result if isinstance(result, int) else Exit.OK
    except BridgeError as error:
        return _say(error)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.NoArgsIsHelpError as lost:
        lost.show()
        return Exit.USAGE
    except click.ClickException as wrong:
        return _say(UsageError(wrong.format_message(), "See popbridge --help."))
    except (click.Abort, KeyboardInterrupt):
        click.echo("popbridge: interrupted.", err=True)
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _NO_ROOM:
            return _say(_fault(error))
        return _say(StoreFullError(f"The output can't be written: {error.strerror}.", "Make room."))
    except Exception as bug:
        return _say(_fault(bug))


def _fault(bug: Exception) -> BridgeError:
    if os.environ.get("POPBRIDGE_DEBUG"):
        raise bug
    return BridgeError(
        f"This is a fault of popbridge: {bug!r}.",
        "Run it again with POPBRIDGE_DEBUG=1 and report what it prints.",
    )


def _say(error: BridgeError) -> int:
    """Prints the error as one line, whatever is in it; its exit code."""
    click.echo(f"popbridge: {error.code} {' '.join(str(error).split())}", err=True)
    return error.exit
