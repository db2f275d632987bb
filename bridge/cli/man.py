"""`popbridge man`: the manual page, made from the commands themselves."""

from collections.abc import Iterator

import click

from bridge import __version__


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Prints the manual page: popbridge man > popbridge.1"""
    click.echo(page(context.find_root()))


def page(root: click.Context) -> str:
    """The manual page of the command that is run, for troff."""
    return "\n".join(_page(root))


def _page(root: click.Context) -> Iterator[str]:
    assert isinstance(root.command, click.Group)
    yield f'.TH POPBRIDGE 1 "" "popbridge {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"popbridge \- a POP3 mailbox, kept safe and served over IMAP to many devices"
    yield ".SH SYNOPSIS"
    yield r".B popbridge \fR[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]..."
    yield ".SH OPTIONS"
    yield from _options(root)
    yield ".SH COMMANDS"
    yield from _commands(root)
    yield ".SH EXIT STATUS"
    yield "0; 64 usage; 65 unknown login or bad data; 69 unavailable; 70 a fault of popbridge;"
    yield "73 can't write; 75 try again later; 77 wrong password; 78 configuration."


def _commands(parent: click.Context) -> Iterator[str]:
    assert isinstance(parent.command, click.Group)
    for name in parent.command.list_commands(parent):
        command = parent.command.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        if isinstance(command, click.Group):
            yield from _commands(context)
            continue
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        yield f".SS {_plain(usage)}"
        for paragraph in (command.help or "").split("\n\n"):
            yield _plain(" ".join(paragraph.split()))
            yield ".PP"
        yield from _options(context)


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield ".TP"
            yield rf"\fB{_plain(record[0])}\fR"
            yield _plain(record[1]) or r"\&"


def _plain(text: str) -> str:
    """The text without anything that troff would take for its own."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
