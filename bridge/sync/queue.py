"""Who may poll next: by provider, so that a busy one keeps nobody else waiting. Pure."""

from collections import Counter, OrderedDict

from bridge.model.ids import AccountId


class PollQueue:
    """Accounts that wait for a connection, and those that have one.

    Providers take turns, and the accounts of one wait in order; each step costs the same however
    many wait.

    Args:
        connections: most polls at a time.
        per_host: most of them at one provider.
    """

    def __init__(self, connections: int, per_host: int) -> None:
        self.connections = connections
        self.per_host = per_host
        self._waiting: OrderedDict[str, OrderedDict[AccountId, None]] = OrderedDict()
        self._host: dict[AccountId, str] = {}
        self._running: dict[AccountId, str] = {}
        self._busy: Counter[str] = Counter()

    def __contains__(self, account_id: AccountId) -> bool:
        """Whether the account waits."""
        return account_id in self._host

    def add(self, account_id: AccountId, host: str, *, first: bool = False) -> None:
        """Has the account wait, behind the others or before them; twice is once."""
        if account_id not in self._host:
            self._host[account_id] = host
            self._waiting.setdefault(host, OrderedDict())[account_id] = None
        if first:
            host = self._host[account_id]
            self._waiting[host].move_to_end(account_id, last=False)
            self._waiting.move_to_end(host, last=False)

    def discard(self, account_id: AccountId) -> bool:
        """Whether the account waited; it doesn't any more."""
        host = self._host.pop(account_id, None)
        if host is None:
            return False
        del self._waiting[host][account_id]
        if not self._waiting[host]:
            del self._waiting[host]
        return True

    def clear(self) -> list[AccountId]:
        """All that waited; nobody does any more."""
        waited = list(self._host)
        self._waiting.clear()
        self._host.clear()
        return waited

    def take(self) -> AccountId | None:
        """An account that waits no longer but has a connection, until `ended`; None: nobody can."""
        if len(self._running) >= self.connections:
            return None
        for host, accounts in self._waiting.items():
            if self._busy[host] < self.per_host:
                account_id = next(iter(accounts))
                self._waiting.move_to_end(host)
                self.discard(account_id)
                self._running[account_id] = host
                self._busy[host] += 1
                return account_id
        return None

    def ended(self, account_id: AccountId) -> None:
        """The account's poll is over."""
        host = self._running.pop(account_id)
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
