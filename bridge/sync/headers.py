"""What tells a message's header from another's, whoever hands it out. Pure."""

from hashlib import sha256

from bridge.ingest.hashes import TRANSPORT_FIELDS
from bridge.mime import headers

_INTERNAL_SUBJECT = b"FOLDER INTERNAL DATA"


def is_internal(block: bytes) -> bool:
    """Whether it is the header of what some servers keep their state in: no mail, though listed.

    (The mailbox format of the University of Washington.)
    """
    if _INTERNAL_SUBJECT not in block or not headers.values(block, b"x-imap"):
        return False
    return any(_INTERNAL_SUBJECT in subject for subject in headers.values(block, b"subject"))


def header_hash(block: bytes) -> bytes:
    """SHA-256 of a header's fields but those that servers change; b"" where it has none.

    The blank line doesn't count, nor what follows it: TOP n 0 mostly ends with it, or lacks it.
    """
    fields = block[: headers.fields_end(block)].rstrip(b"\r\n")
    kept = headers.select(fields + b"\r\n", TRANSPORT_FIELDS, negate=True)
    return sha256(kept).digest() if fields else b""
