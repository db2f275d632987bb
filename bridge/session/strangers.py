"""Clients that aren't logged in: how many there are, and how many of them at one address."""

from collections import Counter


class Strangers:
    """Counts them by origin (`bridge.model.origin`)."""

    def __init__(self) -> None:
        self.count = 0
        self._at: Counter[str] = Counter()

    def at(self, origin: str) -> int:
        """How many are at one."""
        return self._at[origin]

    def come(self, origin: str) -> None:
        """One more is at `origin`."""
        self.count += 1
        self._at[origin] += 1

    def go(self, origin: str) -> None:
        """One has logged in, or gone."""
        self.count -= 1
        self._at[origin] -= 1
        if not self._at[origin]:
            del self._at[origin]
