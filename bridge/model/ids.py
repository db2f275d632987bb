"""Identifier types, so that a uid is never taken for a sequence number or a row id."""

from typing import NewType

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)
MessageId = NewType("MessageId", int)
"""A message's immutable octets; several mailboxes may refer to one (COPY)."""
Uid = NewType("Uid", int)
ModSeq = NewType("ModSeq", int)
