"""`popbridge demo`."""

import tempfile
from pathlib import Path

import click

WELCOME = """
popbridge is serving a demo POP3 mailbox over IMAP. Point any mail app on this machine at it:

    server    127.0.0.1
    port      {imap}  without encryption, or {imaps} with TLS (its certificate is made here)
    user      {login}
    password  {password}

For example: mutt -f imap://{login}@127.0.0.1:{imap}/
Another message reaches the demo POP3 mailbox every minute. Press Ctrl-C to end and leave nothing.
"""


@click.command()
def demo() -> None:
    """Runs all of it on a demo POP3 mailbox; leaves nothing behind."""
    # Slow to import, and needed only here.
    from bridge.app.demo import run_demo

    with tempfile.TemporaryDirectory(prefix="popbridge-demo-") as folder:
        run_demo(Path(folder), lambda words: click.echo(WELCOME.format(**words)))
