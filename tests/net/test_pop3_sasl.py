import base64
import logging
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import (
    InUseError,
    ProtocolError,
    RefusedCommandError,
    RejectedPasswordError,
    UpstreamError,
    UsageError,
)
from bridge.model.account import Secret, Security
from bridge.model.profile import Habits
from bridge.net.pop3 import PopConnector
from bridge.pop3.sasl import MECHANISMS
from tests.pop_client import scripted, upstream
from tests.pop_server import Faults, PopServer
from tests.reactor import reactor, run

pytestmark = pytest.mark.usefixtures("small_collections", "clean")

PASSWORDS = [name for name, one in MECHANISMS.items() if not one.is_token]
TOKENS = [name for name, one in MECHANISMS.items() if one.is_token]
CANARY = "kanarie-Vogel-7351"


def offering(*names: str) -> list[str]:
    return ["UIDL", "PIPELINING", *([f"SASL {' '.join(names)}"] if names else [])]


def log_in(
    port: int,
    security: Security = Security.PLAIN,
    roots: Path | None = None,
    *,
    secret: str = "secret",
    token: bool = False,
    habits: Habits = Habits(),
) -> Habits:
    """What is known of the server after a whole session."""

    async def session() -> Habits:
        connector = PopConnector(reactor, trust_roots=roots)
        opened = await connector.connect(
            upstream(port, security), Secret(secret, is_token=token), 5, habits
        )
        try:
            await opened.listing()
            await opened.quit()
        finally:
            opened.abort()
        return opened.habits

    return run(session)


def refusal(kind: type[UpstreamError], *args: Any, **options: Any) -> UpstreamError:
    with pytest.raises(kind) as raised:
        log_in(*args, **options)
    assert type(raised.value) is kind
    return raised.value


def log_ins(server: PopServer) -> list[str]:
    """The words after AUTH, USER, PASS and APOP, and the responses, of all sessions."""
    skipped = ("session", "CAPA", "UIDL", "LIST", "QUIT", "STLS", "UTF8")
    return [line for line in server.log if not line.startswith(skipped)]


@pytest.mark.parametrize("security", [Security.PLAIN, Security.STLS, Security.IMPLICIT])
@pytest.mark.parametrize("name", PASSWORDS)
def test_each_mechanism(name: str, security: Security, tls: ssl.SSLContext, roots: Path) -> None:
    faults = Faults(no_user=True)
    with PopServer(faults=faults, capabilities=offering(name), user="alice") as server:
        server.tls = tls if security is Security.IMPLICIT else None
        server.stls = tls if security is Security.STLS else None
        assert log_in(server.port, security, roots) == Habits(mechanism=name)
        tried = [line for line in server.log if line.startswith("AUTH")]
        assert tried == [f"AUTH {name}"]
        assert server.quits == 1


@pytest.mark.parametrize("name", TOKENS)
def test_each_mechanism_of_tokens(name: str, tls: ssl.SSLContext, roots: Path) -> None:
    token = "ya29." + "x" * 3000
    with PopServer(tls=tls, capabilities=offering("PLAIN", name), token=token) as server:
        found = log_in(server.port, Security.IMPLICIT, roots, secret=token, token=True)
        assert found == Habits(mechanism=name)
        assert log_ins(server)[0] == f"AUTH {name}"
        assert len(log_ins(server)) == 2
        server.faults = Faults(oauth_one_line=True)
        server.log.clear()
        log_in(server.port, Security.IMPLICIT, roots, secret=token, token=True, habits=found)
        first, second = log_ins(server)
        assert first == f"AUTH {name}" and second.startswith(f"AUTH {name} ")


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("one_line", [False, True])
@pytest.mark.parametrize("error", [None, b"", b"{}", b"\xff", b"[1]"])
def test_a_token_that_is_refused(
    error: bytes | None, one_line: bool, name: str, tls: ssl.SSLContext, roots: Path
) -> None:
    faults = Faults(oauth_one_line=one_line, rejection=b"Authentication failed.")
    if error is not None:
        faults = replace(faults, oauth_error=error)
    with PopServer(tls=tls, capabilities=offering(name), faults=faults) as server:
        wrong = refusal(
            RejectedPasswordError, server.port, Security.IMPLICIT, roots, secret="old", token=True
        )
    assert "access token" in wrong.text and "Authentication failed" in wrong.text
    assert ("status 400, scope https://mail.example/" in wrong.text) == (error is None)
    sent = [line for line in log_ins(server) if len(line) > 30 and "b2xk" not in line]
    assert len(sent) == 1, "the token was sent once"


def test_a_provider_in_trouble_is_no_wrong_token(tls: ssl.SSLContext, roots: Path) -> None:
    faults = Faults(oauth_error=b'{"status":"503"}', rejection=b"sorry")
    with PopServer(tls=tls, capabilities=offering("XOAUTH2"), faults=faults) as server:
        error = refusal(
            RefusedCommandError, server.port, Security.IMPLICIT, roots, secret="t", token=True
        )
    assert "503" in error.text


def test_no_token_over_a_network_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with PopServer(capabilities=offering("XOAUTH2"), token="t") as server:
        log_in(server.port, secret="t", token=True)
        monkeypatch.setattr("bridge.net.pop3_login.is_loopback", lambda host: False)
        error = refusal(ProtocolError, server.port, secret="t", token=True)
        assert "without TLS" in error.text
        assert log_ins(server)[2:] == []


@pytest.mark.parametrize("token", ["", "a b", "a\n", "ü", "a\x01"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(UsageError):
        log_in(1, secret=token, token=True)


def test_the_remembered_way_is_the_only_one_tried(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(tls=tls, capabilities=offering(*PASSWORDS)) as server:
        for way in (*PASSWORDS, "USER"):
            server.log.clear()
            habits = Habits(mechanism=way)
            assert log_in(server.port, Security.IMPLICIT, roots, habits=habits) == habits
            assert log_ins(server)[0] in (f"AUTH {way}", "USER alice")
            assert sum(line.startswith(("AUTH", "USER")) for line in server.log) == 1


def test_the_remembered_way_is_gone(tls: ssl.SSLContext, roots: Path) -> None:
    habits = Habits(mechanism="SCRAM-SHA-256")
    with PopServer(tls=tls, capabilities=offering("LOGIN")) as server:
        found = log_in(server.port, Security.IMPLICIT, roots, habits=habits)
    assert found == Habits(mechanism="LOGIN")
    assert log_ins(server)[:2] == ["AUTH SCRAM-SHA-256", "AUTH LOGIN"]


@pytest.mark.parametrize("way", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP"])
def test_no_step_back_to_clear_text(way: str) -> None:
    with PopServer(capabilities=offering("PLAIN", "LOGIN")) as server:
        error = refusal(ProtocolError, server.port, habits=Habits(mechanism=way))
        assert way in error.text and "clear text" in error.text and "pop3s://" in error.remedy
        assert not any(line.startswith(("USER", "PASS", "AUTH P", "AUTH L")) for line in server.log)
        assert log_in(server.port, habits=Habits(mechanism="PLAIN")) == Habits(mechanism="PLAIN")


def test_mechanisms_that_are_told_and_do_not_work(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(tls=tls, capabilities=offering(*PASSWORDS), mechanisms=["LOGIN"]) as server:
        found = log_in(server.port, Security.IMPLICIT, roots)
    assert found.mechanism == "LOGIN"
    assert [line for line in log_ins(server) if line.startswith("AUTH")] == [
        "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-1", "AUTH PLAIN", "AUTH CRAM-MD5", "AUTH LOGIN",
    ]  # fmt: skip
    with PopServer(tls=tls, capabilities=offering(*PASSWORDS), faults=Faults(no_auth=True)) as old:
        assert log_in(old.port, Security.IMPLICIT, roots).mechanism == "USER"


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("no_capa", [False, True])
def test_mechanisms_that_work_and_are_not_told(name: str, no_capa: bool) -> None:
    faults = Faults(no_user=True, no_capa=no_capa)
    with PopServer(capabilities=offering("GSSAPI"), mechanisms=[name], faults=faults) as server:
        assert log_in(server.port).mechanism == name


def test_user_where_sasl_alone_is_told(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(tls=tls, capabilities=offering("GSSAPI", "NTLM")) as server:
        assert log_in(server.port, Security.IMPLICIT, roots).mechanism == "USER"


def test_nothing_works() -> None:
    with PopServer(capabilities=offering("GSSAPI"), faults=Faults(no_user=True)) as server:
        error = refusal(RefusedCommandError, server.port)
    assert "none of the ways" in error.text
    assert not any("secret" in line for line in server.log)


def test_passwords_wanted_under_tls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    words = b"-ERR [AUTH] Plaintext authentication disallowed on non-secure connections.\r\n"
    none = b"-ERR [AUTH] no\r\n"
    with scripted(b"+OK\r\n", b"-ERR\r\n", words, none, none, none, b"") as (port, lines):
        error = refusal(RefusedCommandError, port)
    assert "Plaintext authentication disallowed" in error.text and "pop3s://" in error.remedy
    assert lines[1:] == [b"USER alice", b"AUTH CRAM-MD5", b"AUTH PLAIN", b"AUTH LOGIN"]


@pytest.mark.parametrize("security", [Security.PLAIN, Security.IMPLICIT])
@pytest.mark.parametrize("rejection", [b"[AUTH] no", b"Authentication failed", b"no", b""])
@pytest.mark.parametrize("way", [*PASSWORDS, "USER", "APOP"])
def test_a_rejected_password_is_not_sent_again(
    way: str, rejection: bytes, security: Security, tls: ssl.SSLContext, roots: Path
) -> None:
    if way == "APOP" and security is not Security.PLAIN:
        return
    faults = Faults(rejection=rejection, apop=way == "APOP")
    with PopServer(capabilities=offering(*PASSWORDS), faults=faults) as server:
        server.tls = tls if security is Security.IMPLICIT else None
        error = refusal(
            RejectedPasswordError,
            server.port,
            security,
            roots,
            secret=CANARY,
            habits=Habits(mechanism=way),
        )
    assert "rejected" in error.text
    tries = [line for line in log_ins(server) if line.split()[0] in ("AUTH", "USER", "APOP")]
    assert len(tries) == 1 and server.sessions == 1


@pytest.mark.parametrize("way", [*PASSWORDS, "USER"])
def test_a_server_that_hangs_up_on_a_wrong_password_is_asked_once(way: str) -> None:
    faults = Faults(cut_at_rejection=True)
    with PopServer(capabilities=offering(*PASSWORDS), faults=faults) as server:
        error = refusal(ProtocolError, server.port, secret="x", habits=Habits(mechanism=way))
        assert "closed the connection when it was sent what logs in" in error.text
        assert server.sessions == 1


@pytest.mark.parametrize("security", Security)
def test_a_server_that_hangs_up_on_capa(
    security: Security, tls: ssl.SSLContext, roots: Path
) -> None:
    with PopServer(faults=Faults(cut_at=frozenset({"CAPA"}))) as server:
        server.tls = tls if security is Security.IMPLICIT else None
        server.stls = tls if security is Security.STLS else None
        found = log_in(server.port, security, roots)
        assert found == Habits(mechanism="USER", capa=False)
        assert server.sessions == 2
        assert log_in(server.port, security, roots, habits=found) == found
        assert (server.sessions, server.quits) == (3, 2)
        assert server.log.count("CAPA") == 1


def test_without_capa_stls_is_required_all_the_same(roots: Path) -> None:
    habits = Habits(capa=False)
    with PopServer() as server:
        error = refusal(ProtocolError, server.port, Security.STLS, roots, habits=habits)
    assert "STLS" in error.text
    assert server.log[1:] == ["STLS"]


def test_a_server_that_hangs_up_on_auth() -> None:
    with PopServer(
        capabilities=offering("CRAM-MD5"), faults=Faults(cut_at=frozenset({"AUTH"}))
    ) as server:
        assert log_in(server.port) == Habits(mechanism="USER")
        assert server.sessions == 2
    faults = Faults(cut_at=frozenset({"AUTH"}), no_user=True)
    with PopServer(capabilities=offering("CRAM-MD5"), faults=faults) as server:
        refusal(ProtocolError, server.port)
        assert server.sessions == 3


def test_a_connection_that_ends_before_the_log_in_is_not_opened_again() -> None:
    with scripted(b"+OK\r\n") as (port, _):
        refusal(ProtocolError, port, habits=Habits(capa=False, mechanism="USER"))


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("said", [b"+", b"+ ", b"+OK", b"+ok go", b"+ go ahead", b"+go"])
def test_any_plus_means_go_on(said: bytes, name: str) -> None:
    token = name in TOKENS
    faults = Faults(continuation=said, no_user=True)
    if name == "LOGIN":
        faults = Faults(challenge=said, no_user=True)
    with PopServer(capabilities=offering(name), token="secret", faults=faults) as server:
        assert log_in(server.port, token=token).mechanism == name


@pytest.mark.parametrize("security", [Security.PLAIN, Security.IMPLICIT])
@pytest.mark.parametrize("name", PASSWORDS)
@pytest.mark.parametrize("said", [b"+ !", b"+ AAA", b"+ eA==", b"+OK", b"* what", b"", b"+ =\xff"])
def test_challenges_that_cannot_be_read(
    said: bytes, name: str, security: Security, tls: ssl.SSLContext, roots: Path
) -> None:
    faults = Faults(challenge=said)
    with PopServer(capabilities=offering(name), faults=faults) as server:
        server.tls = tls if security is Security.IMPLICIT else None
        try:
            found = log_in(server.port, security, roots, secret=CANARY)
        except (ProtocolError, RejectedPasswordError) as error:
            assert CANARY not in f"{error!r}"
        else:
            raise AssertionError(found)
    if name in ("CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256") and security is Security.PLAIN:
        assert not any(CANARY in line for line in server.log), "no password after a false challenge"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(scram_forged=True), "signature is wrong"),
        (Faults(scram_iterations=4095), "too few or too many"),
        (Faults(scram_iterations=10**8), "too few or too many"),
        (Faults(scram_nonce=b"theirs"), "nonce"),
    ],
)
def test_a_false_server_does_not_get_the_password(faults: Faults, words: str) -> None:
    # The password is right: a server with a wrong signature would take it.
    if faults.scram_iterations > 10**6:
        faults = replace(faults, scram_iterations=10**8)
    with PopServer(capabilities=offering("SCRAM-SHA-256", "PLAIN"), faults=faults) as server:
        assert words in refusal(ProtocolError, server.port).text
    assert server.quits == 0
    assert not any(line.startswith(("USER", "PASS", "AUTH PLAIN")) for line in server.log)


def test_under_tls_a_broken_mechanism_gives_way(tls: ssl.SSLContext, roots: Path) -> None:
    faults = Faults(scram_iterations=1)
    with PopServer(
        tls=tls, capabilities=offering("SCRAM-SHA-256", "PLAIN"), faults=faults
    ) as server:
        assert log_in(server.port, Security.IMPLICIT, roots).mechanism == "PLAIN"
    assert "*" in server.log


def test_a_forged_signature_ends_the_session_under_tls_too(
    tls: ssl.SSLContext, roots: Path
) -> None:
    faults = Faults(scram_forged=True)
    with PopServer(
        tls=tls, capabilities=offering("SCRAM-SHA-256", "PLAIN"), faults=faults
    ) as server:
        refusal(ProtocolError, server.port, Security.IMPLICIT, roots)
    assert len([line for line in server.log if line.startswith("AUTH")]) == 1


def test_a_mailbox_in_use_is_not_tried_another_way() -> None:
    with scripted(b"+OK\r\n", b"+OK\r\nSASL CRAM-MD5\r\n.\r\n", b"-ERR [IN-USE] no\r\n", b"") as (
        port,
        lines,
    ):
        refusal(InUseError, port)
    assert lines == [b"CAPA", b"AUTH CRAM-MD5"]


def test_utf8_is_switched_on_where_it_is_offered(tls: ssl.SSLContext, roots: Path) -> None:
    offered = [*offering("PLAIN"), "UTF8 USER"]
    with PopServer(stls=tls, capabilities=offered, user="alice", password="пароль") as server:
        log_in(server.port, Security.STLS, roots, secret="пароль")
    assert server.log[1:6] == ["CAPA", "STLS", "CAPA", "UTF8", "AUTH PLAIN"]


@pytest.mark.parametrize("way", [*PASSWORDS, "USER", "APOP", *TOKENS])
@pytest.mark.parametrize("echo", [False, True])
def test_no_secret_in_errors_reprs_and_logs(
    way: str, echo: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary: a server that repeats what it was sent, and everything that can be read of us."""
    caplog.set_level(logging.DEBUG)
    token = way in TOKENS
    faults = Faults(apop=way == "APOP", rejection=b"no", oauth_error=b"")
    with PopServer(capabilities=offering(*MECHANISMS), faults=faults, token="other") as server:
        if echo:

            def rejected(session: Any, user: bytes | None, right: bool) -> None:
                session.wire.send(b"-ERR wrong: " + " ".join(server.log[-3:]).encode() + b"\r\n")

            monkeypatch.setattr("tests.pop_server.Session._login", rejected)
        error = refusal(
            RejectedPasswordError,
            server.port,
            secret=CANARY,
            token=token,
            habits=Habits(mechanism=way),
        )
        sent = [line for line in log_ins(server) if not line.startswith("USER")]
    shown = f"{error} {error!r} {error.args} {caplog.text} {Secret(CANARY)!r}"
    cause: BaseException | None = error
    while cause is not None:
        shown += repr(cause)
        cause = cause.__cause__ or cause.__context__
    assert CANARY not in shown
    assert base64.b64encode(CANARY.encode()).decode() not in shown
    for line in sent:
        for word in line.split():
            assert len(word) < 20 or word not in shown, f"{word} is repeated"
    assert "***" in error.text or not echo
