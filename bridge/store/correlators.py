"""THREADID (RFC 8474 §5.2): which messages of an account belong together, told once and for ever.

A message is of the thread of those it refers to, or that referred to it before it came; else a
new one begins. Of every Message-ID that was met it is kept which thread it is of, also where its
message has not come, or has gone. Two threads that turn out to be one stay two: a message never
changes its thread.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import chain, islice

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
_ADD = insert(schema.correlator).inline()
_ASKED = 64
"""Message-IDs that one statement asks for at most."""


class CorrelatorWrites(Writes):
    """Changes to what is known of threads."""

    def correlated(self, account_id: AccountId, arriving: Sequence[tuple[bytes, str]]) -> list[str]:
        """The THREADIDs of new messages, in their order.

        Args:
            account_id: whose they are.
            arriving: of each its ancestry, which is Message-IDs, a line each: its own, which may
                be empty, then its references; and the THREADID if a thread begins with it.
        """
        all_keys = [_keys(ancestry) for ancestry, _ in arriving]
        known = self._known(account_id, list(dict.fromkeys(chain.from_iterable(all_keys))))
        found, added = [], []
        for keys, (_, fresh) in zip(all_keys, arriving, strict=True):
            threadid = next((known[key] for key in keys if key in known), fresh)
            for key in keys:
                if key not in known:
                    known[key] = threadid
                    added.append((account_id, key, threadid))
            found.append(threadid)
        self.insert_all(_ADD, ("account_id", "key", "threadid"), added)
        return found

    def _known(self, account_id: AccountId, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The threads of those keys that were met."""
        known: dict[bytes, str] = {}
        for start in range(0, len(keys), _ASKED):
            some = keys[start : start + _ASKED]
            # Few statements stay ready for the driver: one that asks for twice as many as the last.
            count = 1 << (len(some) - 1).bit_length()
            named = {f"key{place}": some[min(place, len(some) - 1)] for place in range(count)}
            known |= self.all(_threads(count), account=account_id, **named)
        return known


@cache
def _threads(count: int) -> Executable:
    """What is known of so many Message-IDs."""
    wanted: list[BindParameter[bytes]] = [bindparam(f"key{place}") for place in range(count)]
    return select(_C.key, _C.threadid).where(
        _C.account_id == bindparam("account"), or_(*(_C.key == one for one in wanted))
    )


def _keys(ancestry: bytes) -> list[bytes]:
    """Of a message's own ID and of those that it refers to, the nearest first."""
    own, *references = ancestry.split(b"\n")
    nearest = dict.fromkeys(filter(None, (own, *reversed(references))))
    return [_key(one) for one in islice(nearest, MAX_IDS)]


def _key(message_id: bytes) -> bytes:
    return hashlib.sha256(message_id).digest()[:KEY_OCTETS]
