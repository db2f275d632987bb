"""What is wrong with the daemon itself: one answer for page, status, /readyz and metrics."""

from collections.abc import Callable
from datetime import datetime

from bridge.admin.problems import ListenerState, Problem, daemon_problems
from bridge.admin.times import time_form
from bridge.app.core import Core
from bridge.app.listeners import Listeners


class Condition:
    """Asks nobody, so that a scrape may ask it.

    Args:
        core: knows of the store.
        listeners: all of the daemon.
        certificate_ends: when what mail apps are shown ends.
    """

    def __init__(
        self,
        core: Core,
        listeners: Listeners,
        certificate_ends: Callable[[], datetime | None],
    ) -> None:
        self._core = core
        self._listeners = listeners
        self._certificate_ends = certificate_ends
        self._started = core.loop.now()
        self.free_octets: int | None = None
        """On the store's disk, as it was measured last."""

    def listeners(self) -> tuple[ListenerState, ...]:
        """Each address, and what is wrong with it."""
        return self._listeners.states()

    def problems(self) -> list[Problem]:
        """What is wrong, worst first."""
        core, free = self._core, self.free_octets
        return daemon_problems(
            self.listeners(),
            core.unwritable,
            None if free is None else (free, core.settings.store.reserve_octets),
            self._certificate_ends(),
            core.loop.now(),
        )

    def form(self) -> dict[str, object]:
        """As `status --json` has it."""
        return {
            "since": time_form(self._started),
            "listeners": [
                {"kind": one.kind, "url": one.url, "up": one.problem is None}
                for one in self.listeners()
            ],
            "problems": [one.form() for one in self.problems()],
        }
