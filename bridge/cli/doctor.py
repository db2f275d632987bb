"""`popbridge doctor`: looks at an installation as POP3 servers and mail apps meet it."""

import json
from typing import Any

import click

from bridge import __version__
from bridge.cli.doctor_report import Report
from bridge.cli.examination import Examination
from bridge.cli.secret import read_secret
from bridge.doctor.finding import worst_exit
from bridge.errors import UsageError


@click.command()
@click.argument("logins", nargs=-1, metavar="[LOGIN]...")
@click.option(
    "--password-file",
    metavar="F",
    help="Log in over IMAP with this password of LOGIN: a file, or - for standard input.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def doctor(obj: Any, logins: tuple[str, ...], password_file: str | None, as_json: bool) -> int:
    """Checks the installation and the accounts named, or all; says in words what is wrong.

    It changes nothing, here or at the provider. The exit code is that of the worst failure.
    """
    if password_file is not None and len(set(logins)) != 1:
        raise UsageError(
            "--password-file is the password of one LOGIN.", "Name that one LOGIN with it."
        )
    password = read_secret(password_file, "IMAP password", ask=False)
    report = Report(quiet=as_json)
    try:
        Examination(obj, logins, password, report).run()
    finally:
        report.clear()
    code = worst_exit(entry.finding for entry in report.entries)
    if as_json:
        forms = [entry.form() for entry in report.entries]
        click.echo(json.dumps({"version": __version__, "exit": code, "checks": forms}))
    else:
        report.sum_up()
    return code
