import socket
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from bridge.errors import (
    CertificateError,
    InUseError,
    ProtocolError,
    RefusedCommandError,
    RefusedError,
    RejectedPasswordError,
    UnknownHostError,
    UpstreamError,
    UsageError,
)
from bridge.model.account import Security, Upstream
from bridge.model.profile import Habits
from tests.pop_client import (
    MESSAGES,
    Sink,
    connect,
    context,
    fails,
    fetch,
    fetched,
    numbered,
    scripted,
    upstream,
)
from tests.pop_server import CAPABILITIES, HOST, Faults, PopServer, Refused
from tests.reactor import run

pytestmark = pytest.mark.usefixtures("small_collections", "clean")


@pytest.mark.parametrize("mechanism", ["plain", "user"])
@pytest.mark.parametrize("host", [HOST, "localhost"])
@pytest.mark.parametrize("security", [Security.IMPLICIT, Security.STLS])
def test_a_session_under_tls(
    security: Security, host: str, mechanism: str, tls: ssl.SSLContext, roots: Path
) -> None:
    wanted = [c for c in CAPABILITIES if mechanism == "plain" or not c.startswith("SASL")]
    implicit = security is Security.IMPLICIT
    with PopServer(
        MESSAGES,
        tls=tls if implicit else None,
        stls=None if implicit else tls,
        capabilities=wanted,
        # The timestamp isn't to be used under TLS.
        faults=Faults(apop=True),
    ) as server:
        sink = Sink()
        listed = run(lambda: fetch(upstream(server.port, security, host), sink, roots))
    assert sink.whole == numbered(MESSAGES)
    assert [(one.number, one.size) for one in listed] == [
        (number, len(message)) for number, message in numbered(MESSAGES).items()
    ]
    assert server.quits == 1
    verbs = [line.split()[0] for line in server.log[1:]]
    before = ["CAPA"] if implicit else ["CAPA", "STLS", "CAPA"]
    assert verbs[: len(before)] == before
    # After AUTH comes the response, which is not a command.
    log_in = verbs[len(before) : len(before) + 2]
    assert log_in == (["USER", "PASS"] if mechanism == "user" else ["AUTH", log_in[1]])
    assert not {"APOP", "DELE"} & set(verbs)


@pytest.mark.parametrize("apop", [False, True])
def test_a_session_in_clear_text(apop: bool) -> None:
    with PopServer(MESSAGES, faults=Faults(apop=apop)) as server:
        assert fetched(server).whole == numbered(MESSAGES)
    verbs = [line.split()[0] for line in server.log]
    assert verbs[2:4] == (["APOP", "UIDL"] if apop else ["USER", "PASS"])
    assert server.quits == 1
    assert any("secret" in line for line in server.log) is not apop


def test_user_and_password_in_utf8() -> None:
    with PopServer(MESSAGES[:1], user="zoë", password="пароль") as server:
        where = Upstream(host=HOST, port=server.port, user="zoë", security=Security.PLAIN)
        run(lambda: fetch(where, Sink(), password="пароль"))
    assert server.quits == 1


@pytest.mark.parametrize("security", [Security.IMPLICIT, Security.STLS])
@pytest.mark.parametrize("wrong", ["authority", "name", "address", "expired", "nameless"])
def test_certificates_that_cannot_be_trusted(
    wrong: str, security: Security, authority: trustme.CA, roots: Path
) -> None:
    day, now = timedelta(days=1), datetime.now(UTC)
    made = {
        "authority": lambda: context(trustme.CA(), HOST),
        "name": lambda: context(authority, "other.example.org"),
        "address": lambda: context(authority, "127.0.0.2"),
        "expired": lambda: context(authority, HOST, not_before=now - 9 * day, not_after=now - day),
        "nameless": lambda: context(authority, common_name=HOST),
    }[wrong]()
    reason = {
        "authority": "not known here",
        "name": "for another host",
        "address": "for another host",
        "expired": "expired",
        "nameless": "names no host",
    }[wrong]
    implicit = security is Security.IMPLICIT
    with PopServer(tls=made if implicit else None, stls=None if implicit else made) as server:
        error = fails(CertificateError, upstream(server.port, security), roots)
        assert reason in error.text
    assert not any(line.startswith(("USER", "AUTH")) for line in server.log)


def test_the_platform_does_not_trust_a_private_authority(tls: ssl.SSLContext) -> None:
    with PopServer(tls=tls) as server:
        fails(CertificateError, upstream(server.port, Security.IMPLICIT))


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_of_authorities_that_cannot_be_used(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "none.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CertificateError, match=r"none\.pem"):
        run(lambda: connect(upstream(1, Security.IMPLICIT), path))


def test_tls_before_1_2_is_refused(tls: ssl.SSLContext, roots: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with PopServer(tls=tls) as server:
        fails(ProtocolError, upstream(server.port, Security.IMPLICIT), roots)


def test_a_port_without_tls(roots: Path) -> None:
    with PopServer() as server:
        error = fails(ProtocolError, upstream(server.port, Security.IMPLICIT), roots)
    assert "TLS" in error.text and "pop3://" in error.remedy


def test_clear_text_behind_stls(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(stls=tls, faults=Faults(stls_injection=True)) as server:
        error = fails(ProtocolError, upstream(server.port, Security.STLS), roots)
    assert "clear text" in error.text
    assert server.log[-1] == "STLS"


@pytest.mark.parametrize("no_capa", [False, True])
def test_a_server_without_stls(no_capa: bool, roots: Path) -> None:
    with PopServer(faults=Faults(no_capa=no_capa)) as server:
        error = fails(ProtocolError, upstream(server.port, Security.STLS), roots)
    assert "no STLS" in error.text
    assert "pop3s://" in error.remedy and "--allow-cleartext" in error.remedy
    assert server.log[1:] == ["CAPA"]


def test_stls_refused_never_leads_to_clear_text(roots: Path) -> None:
    offers = b"+OK\r\nSTLS\r\nUSER\r\n.\r\n"
    with scripted(b"+OK\r\n", offers, b"-ERR [SYS/TEMP] no\r\n", b"+OK\r\n") as (port, lines):
        assert "refuses it" in fails(ProtocolError, upstream(port, Security.STLS), roots).text
    assert lines == [b"CAPA", b"STLS"]


@pytest.mark.parametrize("faults", [Faults(in_use=True), Faults(in_use=True, apop=True)])
def test_a_mailbox_in_use(faults: Faults) -> None:
    with PopServer(faults=faults) as server:
        fails(InUseError, upstream(server.port))


@pytest.mark.parametrize("security", [Security.PLAIN, Security.IMPLICIT])
def test_a_wrong_password(security: Security, tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(tls=tls if security is Security.IMPLICIT else None) as server:
        where = upstream(server.port, security)
        error = fails(RejectedPasswordError, where, roots, password="hunter2")
    assert "wrong user name or password" in error.text


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"-ERR [IN-USE] no\r\n", InUseError),
        (b"-ERR maildrop already locked\r\n", InUseError),
        (b"-ERR your address is blocked\x1b[31m\r\n", RefusedCommandError),
        (b"-ERR [SYS/TEMP] too busy\r\n", RefusedCommandError),
        (b"-ERR\r\n", RefusedCommandError),
        (b"-ERR " + b"x" * 5000 + b"\r\n", RefusedCommandError),
        (b"220 smtp.example.org ESMTP\r\n", ProtocolError),
        (b"x" * 70_000, ProtocolError),
        (b"", ProtocolError),
    ],
)
def test_greetings_other_than_ok(greeting: bytes, kind: type[UpstreamError]) -> None:
    with scripted(greeting) as (port, _):
        fails(kind, upstream(port))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"-ERR [AUTH] mailbox locked for bad passwords\r\n", RejectedPasswordError),
        (b"-ERR no\r\n", RejectedPasswordError),
        (b"-ERR [IN-USE] no\r\n", InUseError),
        (b"-ERR unable to lock maildrop\r\n", InUseError),
        (b"-ERR [SYS/TEMP] mailbox is locked\r\n", RefusedCommandError),
        (b"-ERR [LOGIN-DELAY] wait\r\n", RefusedCommandError),
        (b"-ERR what is PASS hunter2?\r\n", RejectedPasswordError),
        (b"-ERR [SYS/PERM] ask the postmaster\r\n", RefusedCommandError),
        (b"-ERR [SYS/TEMP/ldap] wrong password?\r\n", RefusedCommandError),
        (b"-ERR [IN-USE/webmail] wait\r\n", InUseError),
        (b"-ERR [UTF8] use UTF8\r\n", RefusedCommandError),
        (b"-ERR [AUTH] temporarily unavailable\r\n", RejectedPasswordError),
        (b"-ERR Temporary authentication failure\r\n", RefusedCommandError),
        (b"-ERR Service unavailable, come back later\r\n", RefusedCommandError),
        (b"-ERR Too many connections\r\n", RefusedCommandError),
        (b"-ERR internal server error\r\n", RefusedCommandError),
        (b"-ERR wrong password, try again later\r\n", RejectedPasswordError),
        (b"-ERR Invalid user name or credentials, later maybe\r\n", RejectedPasswordError),
        (b"-ERR Authentication failed\r\n", RejectedPasswordError),
    ],
)
def test_log_ins_refused(reply: bytes, kind: type[UpstreamError]) -> None:
    with scripted(b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", reply) as (port, lines):
        error = fails(kind, upstream(port), password="hunter2")
    assert lines == [b"CAPA", b"USER alice", b"PASS hunter2"]
    assert "hunter2" not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize(
    ("answer", "known", "falls_back"),
    [
        (b"-ERR unknown command\r\n", None, True),
        (b"-ERR APOP not supported\r\n", None, True),
        # Without secrets for it the password was never compared; so says GNU mailutils.
        (b"-ERR [AUTH] Bad login\r\n", None, True),
        (b"-ERR permission denied\r\n", None, True),
        (b"-ERR [AUTH] Bad login\r\n", "APOP", False),
        (b"-ERR [IN-USE] wait\r\n", None, False),
    ],
)
def test_a_timestamp_without_apop(answer: bytes, known: str | None, falls_back: bool) -> None:
    ready = b"+OK <1.2@host>\r\n"
    replies = (b"-ERR\r\n", answer, b"+OK\r\n", b"-ERR no\r\n")
    with scripted(ready, *replies) as (port, lines), pytest.raises(UpstreamError):
        run(lambda: connect(upstream(port), habits=Habits(mechanism=known)))
    verbs = [line.split()[0] for line in lines]
    assert verbs == [b"CAPA", b"APOP", *([b"USER", b"PASS"] if falls_back else [])]


def test_plain_is_not_used_in_clear_text() -> None:
    with PopServer(MESSAGES[:1]) as server:
        fetched(server)
    assert "USER alice" in server.log


def test_auth_plain_refused_before_the_password_falls_back(
    tls: ssl.SSLContext, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: object, argument: bytes) -> None:
        raise Refused("unknown command")

    monkeypatch.setattr("tests.pop_server.Session._on_auth", refuse)
    with PopServer(MESSAGES[:1], tls=tls) as server:
        run(lambda: fetch(upstream(server.port, Security.IMPLICIT), Sink(), roots))
    assert server.log[2:5] == ["AUTH PLAIN", "USER alice", "PASS secret"]


@pytest.mark.parametrize("challenge", [b"+\r\n", b"+ \r\n", b"+go ahead\r\n", b"+OK\r\n"])
@pytest.mark.parametrize("answer", [b"+OK\r\n", b"-ERR no\r\n"])
def test_any_plus_is_the_challenge_of_plain_and_the_password_is_sent_once(
    challenge: bytes, answer: bytes, tls: ssl.SSLContext, roots: Path, monkeypatch: Any
) -> None:
    def auth(session: Any, argument: bytes) -> None:
        session.wire.send(challenge)
        assert session.wire.line() == b"AGFsaWNlAHNlY3JldA=="
        session._ready = answer.startswith(b"+")
        session.wire.send(answer)

    monkeypatch.setattr("tests.pop_server.Session._on_auth", auth)
    with PopServer(MESSAGES[:1], tls=tls) as server:
        where = upstream(server.port, Security.IMPLICIT)
        if answer.startswith(b"+"):
            run(lambda: fetch(where, Sink(), roots))
        else:
            fails(RejectedPasswordError, where, roots)
    assert not any(line.startswith(("USER", "PASS")) for line in server.log)


@pytest.mark.parametrize("password", ["line\r\nbreak", "nul\0", "\ud800"])
def test_a_password_that_pop3_cannot_carry(password: str) -> None:
    with pytest.raises(UsageError) as raised:
        run(lambda: connect(upstream(1), password=password))
    assert password not in f"{raised.value} {raised.value!r}"


def test_a_port_that_refuses() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    error = fails(RefusedError, upstream(port))
    assert str(port) in error.text


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("host", ["pop.example.invalid", "no_idna.invalid", "x" * 70 + ".invalid"])
def test_an_unknown_host(host: str, security: Security) -> None:
    fails(UnknownHostError, upstream(110, security, host))
