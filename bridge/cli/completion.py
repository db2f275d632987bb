"""`popbridge completion SHELL`."""

import click
from click.shell_completion import get_completion_class

from bridge.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Prints what makes a shell complete popbridge's commands and options.

    For bash, in ~/.bashrc: eval "$(popbridge completion bash)"
    """
    click.echo(script(context.find_root(), shell))


def script(root: click.Context, shell: str) -> str:
    """What a shell of that name reads.

    Raises:
        UsageError: it isn't known.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"{shell} is not known here.", f"Name one of {', '.join(SHELLS)}.")
    # Not `source()`, which asks for the shell's version, though it may be another machine's.
    made = kind(root.command, {}, "popbridge", "_POPBRIDGE_COMPLETE")
    return made.source_template % made.source_vars()
