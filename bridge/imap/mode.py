"""What a client has enabled that changes how it is read and written to (RFC 5161)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mode:
    """`rev2`: IMAP4rev2 (RFC 9051); `accepts_utf8`: UTF8=ACCEPT (RFC 6855).

    `uid_only`: UIDONLY (RFC 9586): no message numbers, in commands and responses.
    """

    rev2: bool = False
    accepts_utf8: bool = False
    uid_only: bool = False

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8, and quoted strings may be, in both directions."""
        return self.rev2 or self.accepts_utf8


REV1 = Mode()
"""Nothing enabled: IMAP4rev1 to the letter."""
