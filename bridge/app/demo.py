"""The whole way on a built-in POP3 mailbox."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bridge import config, logs
from bridge.admin.accounts import NewAccount, add_account
from bridge.app.core import Core
from bridge.app.daemon import Daemon
from bridge.app.process import prepare_process
from bridge.app.reactor import finished, on_signals, run_reactor
from bridge.model.account import Security
from bridge.net.demo_mail import sample_messages
from bridge.net.demo_pop3 import DemoMailbox, DemoPop3Factory
from bridge.net.listen import Listening, listen
from bridge.url import Listen

DEMO_MESSAGE_EVERY_S = 60.0


def run_demo(data: Path, say: Callable[[Mapping[str, object]], None]) -> None:
    """The whole way on a built-in POP3 mailbox, until interrupted.

    Args:
        data: an empty folder.
        say: told login, password and the ports `imap` and `imaps`.
    """
    settings = config.load(
        None,
        {
            "POPBRIDGE_IMAP_LISTEN": "imap://127.0.0.1:0,imaps://127.0.0.1:0",
            "POPBRIDGE_METRICS_LISTEN": "http://127.0.0.1:0",
            "POPBRIDGE_WEB_LISTEN": "http://127.0.0.1:0",
            "POPBRIDGE_SYNC_INTERVAL": "10s",
            "POPBRIDGE_STORE_RESERVE": "0B",
        },
    )
    prepare_process()
    logs.set_up("warning", "text")

    async def main(reactor: Any) -> None:
        core = Core(reactor, data, settings, "popbridge demo")
        daemon = Daemon(core)
        stopped = core.loop.promise()
        on_signals(reactor, stopped, lambda: None)
        mailbox = DemoMailbox(list(sample_messages(core.loop.now())))
        factory = DemoPop3Factory("demo", "demo", mailbox)
        pop3: list[Listening] = []
        try:
            pop3 += await listen(reactor, Listen("pop3", ("127.0.0.1",), 0), factory)
            await daemon.start()
            say(await _demo_account(core, daemon, pop3[0].url))
            _deliver_later(core, mailbox)
            await stopped
        finally:
            for one in pop3:
                await finished(one.port.stopListening())
            await daemon.stop()
            core.close()

    run_reactor(main)


async def _demo_account(core: Core, daemon: Daemon, pop3_url: str) -> Mapping[str, object]:
    url = pop3_url.replace("pop3://", f"{Security.PLAIN.value}://demo@")
    added = await add_account(core.admin, NewAccount(login="demo", pop3=url, pop3_password="demo"))
    account = await core.database.read(lambda tx: tx.account("demo"))
    assert account is not None
    await core.syncs.sync_now(account.id)
    ports = {url.partition(":")[0]: url.rpartition(":")[2] for url in daemon.imap}
    return {**added, **ports}


def _deliver_later(core: Core, mailbox: DemoMailbox) -> None:
    """Another message for the demo, again and again."""

    def deliver() -> None:
        samples = sample_messages(core.loop.now())
        mailbox.messages.append(samples[len(mailbox.messages) % len(samples)])
        _deliver_later(core, mailbox)

    core.loop.later(DEMO_MESSAGE_EVERY_S, deliver)
