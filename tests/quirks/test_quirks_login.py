"""Quirks 22 to 29 and 42: how servers let in, or don't."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme

from bridge.model.account import AccountState
from bridge.sync import providers
from bridge.sync.providers import ProviderHints, hints
from tests.pop_client import context
from tests.pop_server import CAPABILITIES, HOST, Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import QUIRKS, letters


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(
    authority: trustme.CA, bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """The server's; the bridge trusts its authority."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    bridge.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    bridge.open()
    return context(authority, HOST)


@pytest.mark.parametrize("challenge", [b"+OK", b"+ go ahead", b"+", b"+ "])
@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2"])
def test_quirk_22_odd_sasl_continuations(
    bridge: Bridge, tls: ssl.SSLContext, challenge: bytes, mechanism: str
) -> None:
    with QUIRKS[22]() as server:
        server.tls = tls
        server.capabilities = ["UIDL", f"SASL {mechanism}"]
        server.faults = Faults(continuation=challenge, no_user=True)
        if mechanism == "XOAUTH2":
            source = {"kind": "token-command", "value": f"echo {server.token}"}
            bridge.add(server, pop3_password=None, secret_source=source)
        else:
            bridge.add(server)
        assert bridge.fetched() == 3
        assert bridge.profile().habits.mechanism == mechanism


def test_quirk_23_auth_is_advertised_and_fails(bridge: Bridge) -> None:
    with QUIRKS[23]() as server:
        bridge.add(server)
        assert bridge.fetched() == 3
        assert "AUTH" in verbs(server) and bridge.profile().habits.mechanism == "USER"
        bridge.fetched()
        assert "AUTH" not in verbs(server, -1), "what worked is remembered"


def test_quirk_23_auth_works_and_is_not_advertised(bridge: Bridge, tls: ssl.SSLContext) -> None:
    with QUIRKS[23]() as server:
        server.tls = tls
        server.capabilities, server.mechanisms = ["UIDL"], ("PLAIN",)
        server.faults = Faults(no_user=True)
        bridge.add(server)
        assert bridge.fetched() == 3
        assert bridge.profile().habits.mechanism == "PLAIN"


def test_quirk_23_a_rejected_password_is_sent_once(bridge: Bridge, tls: ssl.SSLContext) -> None:
    with QUIRKS[23]() as server:
        server.tls = tls
        server.capabilities, server.mechanisms = list(CAPABILITIES), None
        server.faults = Faults(reject_login=True)
        bridge.add(server)
        bridge.fails("BR-AUTH-01")
        assert server.sessions == 1
        assert verbs(server).count("AUTH") + verbs(server).count("PASS") == 1


@pytest.mark.parametrize("in_clear", [True, False])
def test_quirk_24_connection_dropped_at_capa(
    bridge: Bridge, tls: ssl.SSLContext, in_clear: bool
) -> None:
    with QUIRKS[24]() as server:
        server.tls = None if in_clear else tls
        bridge.add(server)
        assert bridge.fetched() == 3
        assert bridge.mail() == server.messages
        assert server.sessions == 2 and not bridge.profile().habits.capa
        assert bridge.fetched() == 0
        assert server.sessions == 3 and "CAPA" not in verbs(server, 3)


def test_quirk_24_connection_dropped_at_a_wrong_password(bridge: Bridge) -> None:
    with QUIRKS[24]() as server:
        server.faults = Faults(reject_login=True, cut_at_rejection=True)
        bridge.add(server)
        assert bridge.poll()["error"] is not None
        assert verbs(server).count("PASS") == 1, "it isn't sent again in the hope of better luck"


def test_quirk_25_capa_differs_after_the_log_in(bridge: Bridge) -> None:
    with QUIRKS[25]() as server:
        bridge.add(server)
        assert bridge.fetched() == 3
        said = verbs(server)
        assert "CAPA" in said[said.index("PASS") :], "asked again, so that PIPELINING is seen"


def test_quirk_26_octets_injected_behind_stls(bridge: Bridge, tls: ssl.SSLContext) -> None:
    with QUIRKS[26]() as server:
        server.stls = tls
        bridge.add(server)
        bridge.fails("BR-POP-06")
        assert verbs(server) == ["CAPA", "STLS"], "no user, no password"


def test_quirk_26_stls_stripped(bridge: Bridge, tls: ssl.SSLContext) -> None:
    with QUIRKS[26]() as server:
        server.stls = tls
        bridge.add(server)
        server.stls = None
        bridge.fails("BR-POP-06")
        assert not {"USER", "PASS", "AUTH", "APOP"} & set(verbs(server))


@pytest.mark.filterwarnings("ignore:.*TLSv1.* is deprecated:DeprecationWarning")
def test_quirk_27_tls_1_0_only(bridge: Bridge, tls: ssl.SSLContext) -> None:
    with QUIRKS[27]() as server:
        tls.set_ciphers("ALL:@SECLEVEL=0")
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1
        server.tls = tls
        assert bridge.add(server)["warnings"] == []
        bridge.fails("BR-POP-06")
        assert verbs(server) == []
        legacy = {"minimum": "1.0", "legacy_ciphers": True}
        warned = bridge.add(server, login="legacy", tls=legacy)["warnings"]
        assert len(warned) == 2 and "TLS 1.0" in warned[0]
        assert bridge.fetched("legacy") == 3
        assert bridge.mail("legacy") == server.messages


def test_quirk_28_a_log_in_that_comes_too_soon_is_answered_as_a_wrong_password(
    bridge: Bridge,
) -> None:
    with QUIRKS[28]() as server:
        server.clock = lambda: bridge.now.timestamp()
        bridge.add(server)
        assert bridge.fetched() == 3
        bridge.fails("BR-AUTH-01", minutes=1)
        status = bridge.status()
        assert status["state"] == AccountState.RETRYING.value, "it worked a minute ago"
        wait = datetime.fromisoformat(status["next_attempt"]) - bridge.now
        assert wait >= timedelta(minutes=14)
        assert bridge.fetched(minutes=16) == 0
        assert bridge.status()["state"] == AccountState.OK.value


def test_quirk_28_a_known_provider_is_polled_as_seldom_as_it_wants(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hints("pop3.web.de").min_interval_s == 900
    monkeypatch.setitem(providers._BY_HOST, HOST, ProviderHints(name="X", min_interval_s=900))
    with PopServer(letters(1)) as server:
        bridge.add(server)
        bridge.fetched()
        next_attempt = datetime.fromisoformat(bridge.status()["next_attempt"])
        assert next_attempt - bridge.now >= timedelta(minutes=15)


def test_quirk_28_login_delay_is_honoured(bridge: Bridge) -> None:
    with PopServer(letters(1), capabilities=[*CAPABILITIES, "LOGIN-DELAY 1800"]) as server:
        bridge.add(server)
        bridge.fetched()
        next_attempt = datetime.fromisoformat(bridge.status()["next_attempt"])
        assert next_attempt - bridge.now >= timedelta(minutes=30)


def test_quirk_29_mailbox_locked_by_a_stale_session(bridge: Bridge) -> None:
    with QUIRKS[29]() as server:
        bridge.add(server)
        waits = []
        for _ in range(6):
            bridge.fails("BR-POP-07")
            status = bridge.status()
            assert status["state"] == AccountState.RETRYING.value
            waits.append(datetime.fromisoformat(status["next_attempt"]) - bridge.now)
        for wait, least in zip(waits, (5, 5, 5, 10, 30, 30), strict=True):
            assert timedelta(minutes=least) <= wait <= timedelta(minutes=least * 1.2)
        server.faults = Faults()
        assert bridge.fetched() == 3


def test_quirk_42_pop_is_switched_off_at_the_provider(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = hints("mail.inbox.lv")
    monkeypatch.setitem(providers._BY_HOST, HOST, known)
    with QUIRKS[42]() as server:
        bridge.add(server)
        error = bridge.fails("BR-AUTH-01")
        assert "POP access is not allowed" in error["text"]
        assert "two months without use: switch it on" in error["remedy"]
    for host in ("outlook.office365.com", "pop.gmail.com", "pop3.web.de", "pop.gmx.net"):
        assert "switched on" in hints(host).help, host
