"""Whom what is done now is about, for the log: an account's number and a session's.

Each coroutine has its own copy (contextvars), so what is set at the beginning of a session's or a
sync's holds for all that it does, and for nothing else.
"""

from contextvars import ContextVar

from bridge.model.ids import AccountId

ACCOUNT: "ContextVar[AccountId | None]" = ContextVar("account", default=None)
SESSION: "ContextVar[int | None]" = ContextVar("session", default=None)
"""Counted since the process started."""
