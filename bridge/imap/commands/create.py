"""CREATE (RFC 9051 §6.3.4; RFC 6154 §3)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE; `uses` are the attributes of USE as the client wrote them, None without USE."""

    mailbox: str
    uses: tuple[str, ...] | None = None


def parse_create(cursor: Cursor) -> Create:
    """The arguments of CREATE."""
    mailbox = cursor.mailbox_argument()
    if cursor.modifier("USE") is None:
        return Create(mailbox)
    cursor.space()
    cursor.expect(b"(")
    uses: list[str] = []
    while not cursor.skip(b")"):
        if uses:
            cursor.space()
        cursor.expect(b"\\")
        uses.append("\\" + cursor.atom().decode("ascii"))
    cursor.expect(b")")
    return Create(mailbox, tuple(uses))
