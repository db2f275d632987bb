import hashlib
import logging
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from bridge.errors import CertificateError, ProtocolError, UpstreamError
from bridge.model.account import Secret, Security, TlsOptions, Upstream
from bridge.net.pop3 import PopConnector
from bridge.net.pop3_tls import Trust, weaknesses
from tests.pop_client import context
from tests.pop_server import HOST, PopServer
from tests.reactor import reactor, run

pytestmark = pytest.mark.usefixtures("small_collections", "clean")


def session(
    server: PopServer,
    wanted: TlsOptions,
    roots: Path | None = None,
    *,
    host: str = HOST,
    connector: PopConnector | None = None,
) -> None:
    """A whole session."""
    security = Security.STLS if server.tls is None else Security.IMPLICIT
    where = Upstream(host=host, port=server.port, user="alice", security=security, tls=wanted)

    async def work() -> None:
        made = connector or PopConnector(reactor, trust_roots=roots)
        opened = await made.connect(where, Secret("secret"), 10)
        await opened.quit()

    run(work)


def refused(kind: type[UpstreamError], server: PopServer, *args: Any, **options: Any) -> str:
    with pytest.raises(kind) as raised:
        session(server, *args, **options)
    assert type(raised.value) is kind
    assert not any(line.startswith(("USER", "AUTH", "PASS")) for line in server.log)
    return str(raised.value)


def digest(certificate: trustme.LeafCert) -> str:
    pem = certificate.cert_chain_pems[0].bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def fresh(server: PopServer) -> PopServer:
    """The server with an empty log."""
    server.log.clear()
    return server


def only(made: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version = made.maximum_version = version
    if version < ssl.TLSVersion.TLSv1_2:
        made.set_ciphers("ALL:@SECLEVEL=0")
    return made


VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@pytest.mark.parametrize("minimum", VERSIONS)
@pytest.mark.parametrize("spoken", VERSIONS)
def test_the_oldest_version(spoken: str, minimum: str, tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(tls=only(tls, VERSIONS[spoken])) as server:
        if spoken >= minimum:
            session(server, TlsOptions(minimum=minimum), roots)
            return
        words = refused(ProtocolError, server, TlsOptions(minimum=minimum), roots)
    assert f"TLS {minimum} or later" in words and "--tls-minimum" in words


def weak() -> tuple[ssl.SSLContext, bytes, str]:
    """A server whose key has 1024 bits, its self-signed certificate in PEM, its SHA-256."""
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ALL:@SECLEVEL=0")
    with trustme.Blob(private + pem).tempfile() as path:
        server.load_cert_chain(path)
    return server, pem, hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()


def test_a_weak_key_wants_legacy_ciphers(tmp_path: Path) -> None:
    made, pem, fingerprint = weak()
    roots = tmp_path / "weak.pem"
    roots.write_bytes(pem)
    with PopServer(tls=made) as server:
        assert "too weak" in refused(CertificateError, server, TlsOptions(), roots)
        pinned = TlsOptions(pins=frozenset({fingerprint}))
        assert "too weak" in refused(CertificateError, server, pinned)
        session(server, TlsOptions(legacy_ciphers=True), roots)
        session(server, TlsOptions(legacy_ciphers=True, pins=pinned.pins))


def test_legacy_ciphers(authority: trustme.CA, roots: Path) -> None:
    tls = only(context(authority, HOST, key_type=trustme.KeyType.RSA), ssl.TLSVersion.TLSv1_2)
    tls.set_ciphers("DHE-RSA-CAMELLIA128-SHA:CAMELLIA128-SHA:SEED-SHA:@SECLEVEL=0")
    with PopServer(tls=tls) as server:
        assert "--tls-legacy-ciphers" in refused(ProtocolError, server, TlsOptions(), roots)
        session(server, TlsOptions(legacy_ciphers=True), roots)


@pytest.fixture
def leaf(authority: trustme.CA) -> trustme.LeafCert:
    now = datetime.now(UTC)
    return trustme.CA().issue_cert(
        "other.example.org", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
    )


@pytest.fixture
def pinned_server(leaf: trustme.LeafCert) -> Iterator[PopServer]:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(made)
    with PopServer(tls=made) as server:
        yield server


def test_a_pin_stands_for_name_chain_and_time(
    leaf: trustme.LeafCert, pinned_server: PopServer
) -> None:
    fingerprint = digest(leaf)
    session(pinned_server, TlsOptions(pins=frozenset({"0" * 64, fingerprint})))
    assert pinned_server.quits == 1


def test_another_certificate_than_the_pinned_is_named(
    leaf: trustme.LeafCert, pinned_server: PopServer
) -> None:
    words = refused(CertificateError, pinned_server, TlsOptions(pins=frozenset({"0" * 64})))
    assert digest(leaf) in words
    assert "pin" in words


def test_a_trusted_certificate_is_no_pinned_one(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(stls=tls) as server:
        refused(CertificateError, server, TlsOptions(pins=frozenset({"0" * 64})), roots)


def test_a_private_authority(authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path) -> None:
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(own)
    trustme.CA().cert_pem.write_to_path(other)
    connector = PopConnector(reactor, trust_roots=other)
    with PopServer(tls=tls) as server:
        session(server, TlsOptions(authorities=str(own)), connector=connector)
        refused(CertificateError, fresh(server), TlsOptions(), connector=connector)
        # The file is read each time: it may be renewed.
        own.write_bytes(other.read_bytes())
        refused(
            CertificateError,
            fresh(server),
            TlsOptions(authorities=str(own)),
            connector=connector,
        )


@pytest.mark.parametrize("wrong", ["name", "expired"])
def test_name_and_time_count_with_a_private_authority(
    wrong: str, authority: trustme.CA, roots: Path
) -> None:
    now = datetime.now(UTC)
    made = (
        context(authority, "other.example.org")
        if wrong == "name"
        else context(
            authority, HOST, not_before=now - timedelta(9), not_after=now - timedelta(days=1)
        )
    )
    with PopServer(tls=made) as server:
        refused(CertificateError, server, TlsOptions(authorities=str(roots)))


def client_files(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    made = authority.issue_cert("alice@example.org")
    certificate, key = folder / "client.pem", folder / "client.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    made.private_key_pem.write_to_path(key)
    return certificate, key


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_certificate(
    version: str, authority: trustme.CA, tls: ssl.SSLContext, roots: Path, tmp_path: Path
) -> None:
    certificate, key = client_files(authority, tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    only(tls, VERSIONS[version]).verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    with PopServer(tls=tls) as server:
        session(server, TlsOptions(certificate=str(certificate), key=str(key)), roots)
        session(server, TlsOptions(certificate=str(both)), roots)
        words = refused(ProtocolError, fresh(server), TlsOptions(), roots)
    assert "--tls-certificate" in words


def test_files_that_cannot_be_used(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key = client_files(authority, tmp_path)
    empty, locked, foreign = (tmp_path / name for name in ("empty", "locked", "foreign"))
    empty.write_bytes(b"")
    private = rsa.generate_private_key(65537, 2048)
    foreign.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    locked.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    none = str(tmp_path / "none")
    good = str(certificate)
    for wanted, words in (
        (TlsOptions(authorities=none), "none of trusted authorities can't be used: No such file"),
        (TlsOptions(authorities=str(tmp_path)), "Is a directory"),
        (TlsOptions(authorities=str(empty)), "no PEM certificate"),
        (TlsOptions(certificate=none, key=str(key)), "client certificate"),
        (TlsOptions(certificate=str(empty), key=str(key)), "no PEM certificate"),
        (TlsOptions(certificate=good), "no PEM key"),
        (TlsOptions(certificate=good, key=none), "No such file"),
        (TlsOptions(certificate=good, key=str(empty)), "no PEM key"),
        (TlsOptions(certificate=good, key=str(locked)), "passphrase"),
        (TlsOptions(certificate=good, key=str(foreign)), "not its own"),
    ):
        with PopServer() as server:
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            assert words in refused(CertificateError, server, wanted)
            assert server.sessions == 0


def test_what_is_weak_is_said_once_for_each_connection(
    tls: ssl.SSLContext, roots: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connector = PopConnector(reactor, trust_roots=roots)
    weak = TlsOptions(minimum="1.0", legacy_ciphers=True)
    with PopServer(tls=tls) as server, caplog.at_level(logging.WARNING):
        session(server, TlsOptions(), connector=connector)
        session(server, TlsOptions(minimum="1.3"), connector=connector)
        assert caplog.messages == []
        session(server, weak, connector=connector)
        first = list(caplog.messages)
        session(server, weak, connector=connector)
    assert len(first) == 2 and caplog.messages == first * 2
    assert all(HOST in words for words in first)
    assert len(weaknesses(TlsOptions(minimum="1.1"))) == 1


def test_clear_text_over_a_network_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.net.pop3.is_loopback", lambda host: False)
    with PopServer() as server, caplog.at_level(logging.WARNING):
        where = Upstream(host=HOST, port=server.port, user="alice", security=Security.PLAIN)

        async def work() -> None:
            await (await PopConnector(reactor).connect(where, Secret("secret"), 10)).quit()

        run(work)
    assert len(caplog.messages) == 1 and "clear text" in caplog.messages[0]


def test_settings_without_files_are_made_once(roots: Path) -> None:
    trust = Trust(roots)
    peer: Any = type("Peer", (), {"host": "pop.example.org"})()
    first = trust.options(peer, TlsOptions())
    assert trust.options(peer, TlsOptions())._context is first._context
    assert trust.options(peer, TlsOptions(minimum="1.3"))._context is not first._context
