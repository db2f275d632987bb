"""Who is logged in by which device, so that a session ends when its password is taken back."""

from collections.abc import Callable, Set
from typing import Protocol

from bridge.model.account import Device
from bridge.model.ids import AccountId


class Guest(Protocol):
    """A session that is logged in."""

    def dismiss(self, text: str, code: str) -> None:
        """Ends the session with a BYE that says so, between two answers."""


class Presence:
    """Sessions by account, each with the device that it logged in by.

    Args:
        left: told of the device of each session that has ended.
    """

    def __init__(self, left: Callable[[Device], None] = lambda device: None) -> None:
        self._left = left
        self._guests: dict[AccountId, dict[Guest, Device]] = {}
        self._revoked: dict[AccountId, int] = {}
        self.revocations = 0
        """How often passwords were taken back; a log-in notes it before it looks at any."""

    def enter(self, guest: Guest, device: Device) -> None:
        """A session has logged in."""
        self._guests.setdefault(device.account_id, {})[guest] = device

    def leave(self, guest: Guest, account_id: AccountId) -> None:
        """A session has ended; one that isn't known is none."""
        guests = self._guests.get(account_id, {})
        device = guests.pop(guest, None)
        if not guests:
            self._guests.pop(account_id, None)
        if device is not None:
            self._left(device)

    def connected(self, device: Device) -> int:
        """How many sessions the device has."""
        guests = self._guests.get(device.account_id, {})
        return sum(one.verifier == device.verifier for one in guests.values())

    def revoke(self, account_id: AccountId) -> None:
        """Passwords of the account were taken back: log-ins that are under way may have seen them.

        Called once the store knows, and before `dismiss`.
        """
        self.revocations += 1
        self._revoked[account_id] = self.revocations

    def revoked_since(self, account_id: AccountId, revocations: int) -> bool:
        """Whether that was so after there had been so many `revocations`."""
        return self._revoked.get(account_id, 0) > revocations

    def dismiss(self, account_id: AccountId, verifiers: Set[str], text: str, code: str) -> int:
        """Ends the account's sessions but those of devices with these verifiers; how many."""
        guests = self._guests.get(account_id, {})
        ended = [one for one, device in guests.items() if device.verifier not in verifiers]
        for guest in ended:
            guest.dismiss(text, code)
        return len(ended)
