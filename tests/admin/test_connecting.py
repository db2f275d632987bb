"""Log-ins through `HelpfulConnector`: what is tried again, and what a refusal is told as."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bridge.admin.connecting import HelpfulConnector
from bridge.admin.secrets import FetchedToken
from bridge.errors import InUseError, RejectedPasswordError, TokenError
from bridge.model.account import Secret, Security, Upstream
from bridge.model.profile import Habits
from tests.sync.fakes import now

HABITS = Habits(mechanism="XOAUTH2")
SESSION: Any = object()


def at(host: str) -> Upstream:
    return Upstream(host=host, port=995, user="alice", security=Security.IMPLICIT)


class Provider:
    """Takes one secret and refuses the others."""

    def __init__(self, takes: str) -> None:
        self.takes = takes
        self.tried: list[str] = []
        self.habits: list[Habits] = []

    async def connect(
        self, upstream: Upstream, secret: Secret, timeout_s: float, habits: Habits = Habits()
    ) -> Any:
        self.tried.append(secret.text)
        self.habits.append(habits)
        if self.takes == "busy":
            raise InUseError("Busy.")
        if secret.text != self.takes:
            raise RejectedPasswordError("It said no.", "Look.")
        return SESSION


def connect(provider: Provider, secret: Secret, host: str = "pop.example") -> Any:
    return now(HelpfulConnector(provider).connect(at(host), secret, 60, HABITS))


def token(text: str, *more: str) -> FetchedToken:
    async def again() -> Secret:
        return token(*more)

    fetch: Callable[[], Awaitable[Secret]] = again
    return FetchedToken(text, True, fetch)


def test_what_is_taken_is_tried_once() -> None:
    for secret in (Secret("good"), token("good")):
        provider = Provider("good")
        assert connect(provider, secret) is SESSION
        assert (provider.tried, provider.habits) == (["good"], [HABITS])


def test_a_refused_password_is_never_tried_again() -> None:
    provider = Provider("good")
    with pytest.raises(RejectedPasswordError, match="It said no"):
        connect(provider, Secret("bad"))
    assert provider.tried == ["bad"]


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("pop.gmail.com", "make an app password"),
        ("outlook.office365.com", "--oauth-token-command"),
        ("pop3.web.de", "every 15 minutes"),
    ],
)
def test_a_known_provider_is_explained(host: str, says: str) -> None:
    with pytest.raises(RejectedPasswordError) as raised:
        connect(Provider("good"), Secret("bad"), host)
    assert says in raised.value.remedy
    assert raised.value.remedy.endswith("Look.")


def test_a_refused_token_is_fetched_anew_once() -> None:
    provider = Provider("good")
    assert connect(provider, token("old", "good")) is SESSION
    assert (provider.tried, provider.habits) == (["old", "good"], [HABITS] * 2)
    provider = Provider("good")
    with pytest.raises(TokenError, match="7 days"):
        connect(provider, token("old", "older", "good"))
    assert provider.tried == ["old", "older"]


def test_the_same_token_is_not_tried_twice() -> None:
    provider = Provider("good")
    with pytest.raises(TokenError, match="It said no"):
        connect(provider, token("old", "old"))
    assert provider.tried == ["old"]


def test_other_failures_say_nothing_of_the_token() -> None:
    provider = Provider("busy")
    with pytest.raises(InUseError):
        connect(provider, token("old", "good"))
    assert provider.tried == ["old"]
