"""What is known of providers."""

import pytest

from bridge.sync import providers
from bridge.sync.providers import Deleting, Login, hints


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("pop.gmail.com", "Gmail"),
        ("POP.GMAIL.COM", "Gmail"),
        ("outlook.office365.com", "Outlook.com and Microsoft 365"),
        ("pop.mail.yahoo.com", "Yahoo"),
        ("pop3.web.de", "WEB.DE"),
        ("ssl0.ovh.net", "OVH"),
        ("gmail.com.evil.example", ""),
        ("notweb.de", ""),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("localhost", ""),
    ],
)
def test_a_provider_is_known_by_the_end_of_its_host(host: str, name: str) -> None:
    assert hints(host).name == name


def test_what_is_known_of_gmail() -> None:
    gmail = hints("pop.gmail.com")
    assert gmail.user_prefix == "recent:"
    assert gmail.quit_hides
    assert gmail.deleting is Deleting.SETTING
    assert gmail.login is Login.APP_PASSWORD_OR_TOKEN
    assert gmail.window_messages == 250


def test_least_intervals() -> None:
    assert hints("pop3.web.de").min_interval_s == 900
    assert hints("pop3.ovh.net").min_interval_s == 60
    assert hints("pop.example.org").min_interval_s == 0


def test_a_server_is_known_by_its_implementation_too() -> None:
    known = hints("mail.example.org", "WildDuck-v1.45.0")
    assert not known.pipelining
    assert known.window_messages == 250
    assert hints("mail.example.org", "Dovecot").name == ""


def test_who_is_known_is_told_how_to_log_in() -> None:
    table = providers._BY_HOST
    for host, known in table.items():
        assert known.name, host
        assert known.help.endswith("."), host
        assert (known.login is Login.TOKEN) <= ("--oauth-token-command" in known.help), host
