"""What a poll has come to; filled as it goes, so that it is right wherever the poll ends."""

from dataclasses import dataclass, field

from bridge.sync.port import Retrieved
from bridge.sync.step import Step


@dataclass(slots=True)
class Tally:
    """Counts of one poll, whose sessions may be several; see `sync.runner.SyncResult`."""

    listed: int | None = None
    login_delay_s: int | None = None
    to_fetch: int = 0
    """Messages that were to be retrieved, those that are held now included."""
    held: int = 0
    held_octets: int = 0
    fetched: int = 0
    octets: int = 0
    duplicates: int = 0
    """Messages that were retrieved and are held already."""
    deleted: int = 0
    deferred: int = 0
    """Messages in doubt that are left to a later session."""
    capped: bool = False
    """Whether the provider gives so many messages in a session and no more."""
    again: bool = False
    """Whether another session would have more."""
    nameless: list[Retrieved] = field(default_factory=list)
    """What the session at hand retrieved without a UIDL."""

    @property
    def pending(self) -> int:
        """Listed messages that aren't settled."""
        return self.to_fetch - self.held + self.deferred

    def session(self) -> None:
        """Another session begins."""
        self.to_fetch, self.deferred = self.held, 0
        self.again = False
        self.nameless.clear()

    def went(self, messages: int) -> None:
        """So many more were deleted upstream."""
        self.deleted += messages

    def count(self, step: Step) -> None:
        """A message that was to be retrieved is durable."""
        size = step.arrived.message.size
        self.held += 1
        self.duplicates += not step.is_new
        self.held_octets += size
        listed = step.arrived.item.listed
        if listed.uidl is None:
            self.nameless.append(Retrieved(listed, step.arrived.message.full_hash))
        self.looked(step)

    def looked(self, step: Step) -> None:
        """A suspect was looked at again, or a message retrieved."""
        if step.is_new:
            self.fetched += 1
            self.octets += step.arrived.message.size
