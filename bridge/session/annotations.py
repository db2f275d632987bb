"""What others annotate, told to a client that has enabled METADATA (RFC 5464 §4.4.2).

With NOTIFY a client asks for it without that (RFC 5465 §5.6, §5.7), and says of which mailboxes.
"""

from collections.abc import Callable

from bridge.imap.serialize import astring, mailbox_name
from bridge.model.annotation import AnnotationChange
from bridge.model.change import Change
from bridge.model.ids import AccountId
from bridge.session.port import Services
from bridge.store.tx import ReadTx


class AnnotationNews:
    """From the change with serial `newest` on; `wake` is called when there may be more."""

    def __init__(
        self, services: Services, account: AccountId, newest: int, wake: Callable[[], None]
    ) -> None:
        self._services = services
        self._account = account
        self._newest = newest
        self._wake = wake
        self._own: set[int] = set()
        self._hinted = False
        self.hears: Callable[[str], bool] = _anything
        """Of which mailboxes the client hears; "" is the server."""
        self.close = services.bus.subscribe_account(account, self._hint)
        """To be called when nobody listens any more."""

    def made(self, serial: int) -> None:
        """Notes that the client made the change with that serial itself."""
        self._own.add(serial)

    async def pull(self, *, always: bool, utf8: bool = False) -> bytes:
        """The METADATA responses for what others have changed; `always` looks without a hint."""
        if not (always or self._hinted):
            return b""
        self._hinted = False
        account, since = self._account, self._newest

        def work(tx: ReadTx) -> tuple[AnnotationChange, ...]:
            return tx.annotation_changes(account, since)

        changes = await self._services.database.read(work)
        self._newest = max((change.serial for change in changes), default=since)
        entries: dict[str, list[bytes]] = {}
        for change in changes:
            if change.serial not in self._own and self.hears(change.mailbox):
                entries.setdefault(change.mailbox, []).append(astring(change.entry.encode("ascii")))
        self._own = {serial for serial in self._own if serial > self._newest}
        return b"".join(
            b"* METADATA %b %b\r\n" % (mailbox_name(name, utf8=utf8), b" ".join(names))
            for name, names in entries.items()
        )

    def _hint(self, changes: tuple[Change, ...]) -> None:
        if not all(change.modseq for change in changes):
            self._hinted = True
            self._wake()


def _anything(mailbox: str) -> bool:
    return True
