"""Of a daemon: which devices are connected, when each was last, and who must go."""

import logging
from datetime import datetime, timedelta

from bridge.errors import BridgeError
from bridge.model.account import Account, Device
from bridge.net.loop import ReactorLoop
from bridge.session.presence import Presence
from bridge.store.port import Database
from bridge.store.tx import ReadTx, WriteTx

LOOK_S = 60.0
"""How often it is seen whether there is something to write."""

KEPT = timedelta(hours=1)
"""A device's last use is written at most so often: phones log in hundreds of times a day."""

REVOKED, REMOVED = "The password of this device was taken back", "This account was removed"

_log = logging.getLogger("popbridge")


class Devices:
    """What operations and log-ins need to know of devices (`bridge.admin.context.Devices`).

    Log-ins only note the time; it reaches the store now and then, and when the daemon stops. A
    store that can't be written keeps nobody from logging in.
    """

    def __init__(self, database: Database, loop: ReactorLoop) -> None:
        self._database = database
        self._loop = loop
        self._used: dict[str, tuple[Device, datetime]] = {}
        """By verifier: a name may be given to another device, a login to another account."""
        self._kept: dict[str, datetime] = {}
        """Which of these times the store has."""
        self.presence = Presence(self.used)

    def start(self) -> None:
        """Keeps last uses from now on."""
        self._loop.later(LOOK_S, self._look)

    def used(self, device: Device) -> None:
        """A device has logged in, or was connected until now."""
        self._used[device.verifier] = device, self._loop.now()

    def last_used(self, device: Device) -> datetime | None:
        """When it was last connected, which it may be; None: never."""
        if self.presence.connected(device):
            return self._loop.now()
        _, at = self._used.get(device.verifier, (device, device.last_used))
        return at

    def connected(self, device: Device) -> int:
        """How many sessions it has."""
        return self.presence.connected(device)

    async def changed(self, account: Account) -> None:
        """Passwords of the account are gone from the store: ends the sessions that had them."""
        self.presence.revoke(account.id)

        def read(tx: ReadTx) -> tuple[bool, tuple[Device, ...]]:
            found = tx.account(account.login)
            return found is not None and found.id == account.id, tx.devices(account.id)

        there, devices = await self._database.read(read)
        # RFC 5530: no longer by that passphrase; or what only who keeps popbridge can mend.
        text, code = (REVOKED, "EXPIRED") if there else (REMOVED, "CONTACTADMIN")
        left = {one.verifier for one in devices}
        ended = self.presence.dismiss(account.id, left, text, code)
        _log.info("Account %d: %s; sessions ended: %d", account.id, text, ended)

    async def keep(self, at_least: timedelta = KEPT) -> None:
        """Writes the last uses that are so much newer than what the store has of them."""
        now = self._loop.now()
        due = {
            verifier: (device, at)
            for verifier, (device, at) in self._used.items()
            if (kept := self._kept.get(verifier)) is None or (kept < at and now - kept >= at_least)
        }
        if not due:
            return

        def write(tx: WriteTx) -> None:
            for device, at in due.values():
                tx.device_used(device, at)

        try:
            await self._database.write(write)
        except BridgeError as error:
            _log.warning("When devices were last used can't be kept: %s", error)
        else:
            self._kept |= {verifier: at for verifier, (_, at) in due.items()}

    def _look(self) -> None:
        self._loop.later(LOOK_S, self._look)
        self._loop.spawn(self.keep())
