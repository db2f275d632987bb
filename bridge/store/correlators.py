"""THREADID (RFC 8474 §5.2): which messages of an account belong together, told once and for ever.

A message is of the thread of those it refers to, or that referred to it before it came; else a
new one begins. Of every Message-ID that was met it is kept which thread it is of, also where its
message has not come, or has gone. Two threads that turn out to be one stay two: a message never
changes its thread.
"""

import hashlib
from functools import cache

from sqlalchemy import BindParameter, Executable, bindparam, insert, or_, select

from bridge.model.ids import AccountId
from bridge.store import schema
from bridge.store.base import Writes

MAX_IDS = 30
"""Of one message: its own and the nearest it refers to. Long threads go on for a hundred, of which
the nearest are known as well."""

KEY_OCTETS = 12
"""Of a Message-ID's hash: by accident no two of an account's are alike."""

_C = schema.correlator.c
_ADD = insert(schema.correlator)


class CorrelatorWrites(Writes):
    """Changes to what is known of threads."""

    def correlated(self, account_id: AccountId, ancestry: bytes, fresh: str) -> str:
        """The THREADID of a new message.

        Args:
            account_id: whose it is.
            ancestry: Message-IDs, a line each: its own, which may be empty, then its references.
            fresh: the THREADID if a thread begins with it.
        """
        own, *references = ancestry.split(b"\n")
        nearest = dict.fromkeys(filter(None, (own, *reversed(references))))
        keys = [_key(one) for one in list(nearest)[:MAX_IDS]]
        if not keys:
            return fresh
        named = {f"key{place}": key for place, key in enumerate(keys)}
        known = dict(self.all(_threads(len(keys)), account=account_id, **named))
        threadid: str = next((known[key] for key in keys if key in known), fresh)
        for key in keys:
            if key not in known:
                self.do(_ADD, account_id=account_id, key=key, threadid=threadid)
        return threadid


@cache
def _threads(count: int) -> Executable:
    """What is known of so many Message-IDs."""
    wanted: list[BindParameter[bytes]] = [bindparam(f"key{place}") for place in range(count)]
    return select(_C.key, _C.threadid).where(
        _C.account_id == bindparam("account"), or_(*(_C.key == one for one in wanted))
    )


def _key(message_id: bytes) -> bytes:
    return hashlib.sha256(message_id).digest()[:KEY_OCTETS]
