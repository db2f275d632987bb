"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208).

All mailboxes of an account share one root, whose name is empty. Without a limit there is none:
each root that is named must tell a limit, for quota-list can't be empty (§4.1.2, §7).
"""

from bridge.imap.commands.quota import GetQuota, GetQuotaRoot, SetQuota
from bridge.imap.serialize import mailbox_name
from bridge.model.mailbox import canonical_name
from bridge.session.context import Context
from bridge.session.reply import No, Ok

UNIT_OCTETS = 1024
"""Of STORAGE (RFC 9208 §5.1)."""


async def get_quota(context: Context, command: GetQuota) -> Ok:
    """Tells the root's usage and limit."""
    quota = None if command.root else await _quota(context)
    if quota is None:
        raise No("There is no such quota root", "NONEXISTENT")
    context.write(quota)
    return Ok("Done")


async def get_quota_root(context: Context, command: GetQuotaRoot) -> Ok:
    """Tells the root that a mailbox of this name has or would have, and its usage and limit."""
    name = mailbox_name(canonical_name(command.mailbox), utf8=context.mode.utf8)
    quota = await _quota(context)
    if quota is None:
        context.write(b"* QUOTAROOT %b\r\n" % name)
    else:
        context.write(b'* QUOTAROOT %b ""\r\n' % name, quota)
    return Ok("Done")


async def set_quota(context: Context, command: SetQuota) -> Ok:
    """Is refused: whoever runs the server sets quotas."""
    raise No("Only the administrator sets quotas", "NOPERM")


async def _quota(context: Context) -> bytes | None:
    """The QUOTA response, or None where there is no limit."""
    account = context.user.id
    found = await context.services.database.read(lambda tx: tx.quota(account))
    if found.limit_octets is None:
        return None
    used, limit = -(-found.used_octets // UNIT_OCTETS), found.limit_octets // UNIT_OCTETS
    return b'* QUOTA "" (STORAGE %d %d)\r\n' % (used, limit)
