"""Why nothing is deleted upstream, in words."""

from bridge.admin.times import time_form
from bridge.model.account import Account
from bridge.model.profile import Profile
from bridge.sync import freeze
from bridge.sync.retention import MIRROR_MANY

_OURS = {
    MIRROR_MANY: (
        "More than half of all messages were deleted in mail programs within an hour, so nothing"
        " is deleted at the provider.",
        "If that was a mishap, `popbridge undelete {login}` brings them back. If it was meant,"
        " `popbridge account set {login} --thaw` goes on.",
    ),
}
_ELSE = (
    "Deleting at the provider was stopped.",
    "Look at the log; `popbridge account set {login} --thaw` goes on.",
)


def frozen_form(account: Account, profile: Profile) -> dict[str, object] | None:
    """Since when and why nothing is deleted, and what to do; None while nothing is in the way."""
    if profile.frozen_since is None:
        return None
    reason = profile.frozen_reason or ""
    cause, remedy = freeze.words(reason) or _OURS.get(reason, _ELSE)
    return {
        "since": time_form(profile.frozen_since),
        "cause": cause,
        "remedy": remedy.replace("{login}", account.login),
    }
