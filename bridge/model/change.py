"""What a commit tells the sessions, and what they pull when they hear it."""

from array import array
from dataclasses import dataclass, field

from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid
from bridge.model.mailbox import Mailbox

NO_MAILBOX = MailboxId(0)
"""Stands for none in a `Change` that is of the account: a subscription, its annotations."""


@dataclass(frozen=True, slots=True)
class Change:
    """A wake-up hint: may be lost, doubled or late, and only delays.

    A modseq of 0 says that no message is concerned, but a mailbox's name, a subscription or an
    annotation: who has the mailbox selected needn't look at it.
    """

    account_id: AccountId
    mailbox_id: MailboxId
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class MailboxSnapshot:
    """A mailbox at one modseq: parallel arrays, uids ascending; shared, never changed.

    `flagsets[flag_index[i]]` are the flags of `uids[i]`.
    """

    mailbox: Mailbox
    uids: "array[int]"
    flag_index: "array[int]"
    modseqs: "array[int]"
    flagsets: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChange:
    """A message whose flags or modseq moved after the asked-for modseq."""

    uid: Uid
    flags: frozenset[str]
    modseq: ModSeq


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxDelta:
    """All that changed in one mailbox after `since` up to and including `mailbox.highest_modseq`.

    `added` and `changed` ascend by uid and are disjoint; `vanished` ascends. `complete` is False
    when `since` lies below the tombstone floor: then `vanished` can't be trusted.
    """

    mailbox: Mailbox
    since: ModSeq
    added: tuple[FlagChange, ...] = field(default=())
    changed: tuple[FlagChange, ...] = field(default=())
    vanished: tuple[Uid, ...] = field(default=())
    complete: bool = True
