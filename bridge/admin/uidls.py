"""What another fetcher has fetched already: those messages aren't fetched again.

Its file tells UIDLs, not which messages they are. So such a ledger row says "elsewhere": it is no
proof that the message is held, and nothing is deleted upstream because of it.
"""

from pathlib import Path

from bridge.admin.context import Admin
from bridge.archive.uidls import Fetched, read_uidls
from bridge.errors import MailFileError, UnknownLoginError
from bridge.model.account import Account
from bridge.model.upstream import LedgerState, Listed
from bridge.store.exporting import known_uidls
from bridge.store.tx import WriteTx

MAX_OCTETS = 256 << 20
"""Of a file; a million UIDLs of full length take a quarter of it."""

WRITE_UIDLS = 500
"""Noted in one commit: about 20 ms."""


async def import_uidls(
    admin: Admin, account: Account, path: str, whose: str | None
) -> dict[str, object]:
    """Notes the UIDLs of a file as fetched elsewhere; those that the ledger has stay as they are.

    Args:
        admin: what to work with.
        account: whose mailbox they are of.
        path: the file.
        whose: "user@host" as the file has it; None for the account's own.

    Returns:
        `program`, and how many UIDLs are `listed` in the file, were `added` and were `known`.

    Raises:
        MailFileError: the file can't be read, or tells nothing of that mailbox.
    """
    fetched = _chosen(await admin.in_background(lambda: _read(Path(path))), account, whose, path)
    known = await admin.database.read(lambda tx: known_uidls(tx, account.id))
    new = [uidl for uidl in fetched.uidls if uidl not in known]
    reason = f"fetched by {fetched.program}"
    for start in range(0, len(new), WRITE_UIDLS):
        some = new[start : start + WRITE_UIDLS]

        def note(tx: WriteTx, some: list[bytes] = some) -> None:
            if tx.account(account.login) is None:
                raise UnknownLoginError("The account is gone.")
            now, there = admin.clock(), known_uidls(tx, account.id)
            for uidl in some:
                if uidl not in there:
                    tx.ledger_add(
                        account.id,
                        Listed(0, uidl, 0),
                        LedgerState.ELSEWHERE,
                        now=now,
                        reason=reason,
                    )

        await admin.database.write(note, ingest=True)
    return {
        "program": fetched.program,
        "listed": len(fetched.uidls),
        "added": len(new),
        "known": len(fetched.uidls) - len(new),
    }


def _read(path: Path) -> tuple[Fetched, ...]:
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise MailFileError(f"{path} is too large for a file of UIDLs.", "Name another.")
        return read_uidls(path.name, path.read_bytes())
    except OSError as error:
        raise MailFileError(
            f"{path} can't be read: {error.strerror}.", "Look at its owner and mode."
        ) from error
    except ValueError as error:
        raise MailFileError(
            f"{path} is no UIDL file of getmail, mpop or fetchmail: {error}.",
            "Name getmail's oldmail-HOST-PORT-USER, mpop's uidls or fetchmail's .fetchids.",
        ) from error


def _chosen(found: tuple[Fetched, ...], account: Account, whose: str | None, path: str) -> Fetched:
    """The part of a file that is of the account's mailbox.

    Small numbers are UIDLs too: those of another mailbox must keep none of this one away.
    """
    upstream = account.upstream
    if whose is None:
        user, host = upstream.user, upstream.host
    else:
        user, _, host = whose.rpartition("@")
    for one in found:
        if one.is_of(host, user):
            return one
    there = ", ".join(f"{one.user}@{one.host}" for one in found) or "no mailbox"
    raise MailFileError(
        f"{path} tells of {there}, not of {user}@{host}.",
        "If it is the same mailbox by another name, name it with --uidls-from USER@HOST.",
    )
