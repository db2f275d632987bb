"""Logging in upstream as an account's owner would have it: a refused token is fetched anew once,
and what a known provider's refusal means is said in its own terms."""

from bridge.admin.secrets import FetchedToken
from bridge.errors import RejectedPasswordError, TokenError
from bridge.model.account import Secret, Upstream
from bridge.model.profile import Habits
from bridge.sync.port import Connector, PopSession
from bridge.sync.providers import hints

_SCOPES = (
    "Log in anew with the account's token tool. The token must be for mail over POP: scope"
    " https://mail.google.com/ at Google, https://outlook.office.com/POP.AccessAsUser.All and"
    " offline_access at Microsoft. Google ends a log-in after 7 days while the publishing status"
    " of the app is Testing."
)


class HelpfulConnector:
    """A `bridge.sync.port.Connector` around another one."""

    def __init__(self, inner: Connector) -> None:
        self._inner = inner

    async def connect(
        self,
        upstream: Upstream,
        secret: Secret,
        progress_timeout_s: float,
        habits: Habits = Habits(),
    ) -> PopSession:
        """As `Connector.connect`.

        Raises:
            TokenError: the provider refused the token, and one that was fetched after that.
            RejectedPasswordError: the provider refused the password, which is not tried again.
        """
        try:
            return await self._inner.connect(upstream, secret, progress_timeout_s, habits)
        except RejectedPasswordError as refused:
            if not secret.is_token:
                raise _helped(refused, upstream) from None
            again = await _another(secret, refused)
        try:
            return await self._inner.connect(upstream, again, progress_timeout_s, habits)
        except RejectedPasswordError as refused:
            raise _refused_token(refused) from None


async def _another(secret: Secret, refused: RejectedPasswordError) -> Secret:
    """A token that isn't the one that was refused: it may have ended on its way here."""
    if not isinstance(secret, FetchedToken) or secret.fetch_again is None:
        raise _refused_token(refused) from None
    again = await secret.fetch_again()
    if again.text == secret.text:
        raise _refused_token(refused) from None
    return again


def _helped(refused: RejectedPasswordError, upstream: Upstream) -> RejectedPasswordError:
    known = hints(upstream.host)
    remedy = f"{known.help} {refused.remedy}" if known.help else refused.remedy
    return RejectedPasswordError(refused.text, remedy)


def _refused_token(refused: RejectedPasswordError) -> TokenError:
    return TokenError(f"The provider refused the OAuth token. {refused.text}", _SCOPES)
