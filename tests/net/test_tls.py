import hashlib
import socket
import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from bridge.errors import ConfigError, StoreError
from bridge.net import tls
from bridge.net.tls import (
    ServerContext,
    TlsFiles,
    ensure_certificate,
    expires,
    fingerprint,
    load,
    server_context,
)

NOW = datetime.now(UTC)
NAMES = ["Mail.Example.org", "192.168.1.5", "müller.example"]


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return ensure_certificate(tmp_path, NAMES, NOW)


def octets(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    assert files.ca is not None
    return files.certificate.read_bytes(), files.key.read_bytes(), files.ca.read_bytes()


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(files: TlsFiles) -> set[str]:
    found = certificate(files.certificate).extensions
    kinds = found.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in kinds}


def trusting(ca: Path | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(ca))
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made


def handshake(
    server: ServerContext,
    client: ssl.SSLContext,
    host: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> ssl.SSLObject:
    """A client's connection after its handshake with the server, in memory."""
    here = SSL.Connection(server.getContext(), None)
    here.set_accept_state()
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = client.wrap_bio(to_client, to_server, server_hostname=host, session=session)
    for step in (there.do_handshake, here.do_handshake, there.do_handshake, here.do_handshake):
        with suppress(ssl.SSLWantReadError, SSL.WantReadError):
            step()
        if sent := to_server.read():
            here.bio_write(sent)
        with suppress(SSL.WantReadError):
            to_client.write(here.bio_read(100_000))
    here.send(b"* OK\r\n")
    to_client.write(here.bio_read(100_000))
    assert there.read(10) == b"* OK\r\n"
    return there


def test_devices_that_trust_the_authority_trust_every_name(files: TlsFiles) -> None:
    server, client = server_context(files), trusting(files.ca)
    for host in ("localhost", "127.0.0.1", "::1", socket.gethostname(), "mail.example.org"):
        handshake(server, client, host)
    handshake(server, client, "192.168.1.5")
    handshake(server, client, "xn--mller-kva.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client, "other.example.org")


def test_keys_are_for_their_owner_only(files: TlsFiles) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.key.parent.iterdir()}
    assert {"ca.key", "ca.pem", "server.key", "server.pem"} == modes.keys()
    assert modes["ca.key"] == modes["server.key"] == 0o600
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700


def test_lives_as_long_as_devices_allow(files: TlsFiles) -> None:
    server = certificate(files.certificate)
    life = server.not_valid_after_utc - server.not_valid_before_utc
    assert life == timedelta(days=397)
    assert server.not_valid_before_utc < NOW
    assert files.ca is not None
    assert expires(files.ca) - NOW > timedelta(days=3640)
    assert expires(files.certificate) == server.not_valid_after_utc


def test_stays_as_it_is_while_nothing_changes(files: TlsFiles, tmp_path: Path) -> None:
    before = octets(files)
    again = ensure_certificate(tmp_path, NAMES[::-1], NOW + timedelta(days=365))
    assert again == files
    assert octets(again) == before


def test_is_renewed_in_time_by_the_same_authority(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, NAMES, NOW - timedelta(days=367))
    before = octets(files)
    ensure_certificate(tmp_path, NAMES, NOW)
    assert octets(files)[0] != before[0]
    assert octets(files)[1:] == before[1:]
    assert expires(files.certificate) > NOW + timedelta(days=390)
    handshake(server_context(files), trusting(files.ca))


@pytest.mark.parametrize("hostnames", [[], ["imap.example.org", *NAMES]])
def test_is_renewed_when_names_change(
    files: TlsFiles, tmp_path: Path, hostnames: list[str]
) -> None:
    before = octets(files)
    assert names(ensure_certificate(tmp_path, hostnames, NOW)) != {*NAMES}
    assert octets(files)[0] != before[0]
    assert octets(files)[2] == before[2]
    assert ("imap.example.org" in names(files)) == bool(hostnames)


def test_what_nobody_connects_to_is_no_name(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, ["0.0.0.0", "::", "a..b", "x" * 64], NOW)
    assert names(files) == {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}


@pytest.mark.parametrize("name", ["server.key", "server.pem"])
@pytest.mark.parametrize("text", [None, "", "damaged"])
def test_a_lost_file_is_made_anew(
    files: TlsFiles, tmp_path: Path, name: str, text: str | None
) -> None:
    before = octets(files)
    path = tmp_path / "tls" / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    handshake(server_context(ensure_certificate(tmp_path, NAMES, NOW)), trusting(files.ca))
    assert octets(files)[2] == before[2]


def test_a_lost_authority_is_made_anew_with_what_it_signs(files: TlsFiles, tmp_path: Path) -> None:
    before = octets(files)
    (tmp_path / "tls" / "ca.pem").unlink()
    handshake(server_context(ensure_certificate(tmp_path, NAMES, NOW)), trusting(files.ca))
    assert octets(files)[2] != before[2]


def test_without_the_authoritys_key_it_serves_on_until_it_must_be_renewed(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, NAMES, NOW - timedelta(days=380))
    before = octets(files)
    (tmp_path / "tls" / "ca.key").unlink()
    ensure_certificate(tmp_path, NAMES, NOW - timedelta(days=379))
    assert octets(files) == before
    ensure_certificate(tmp_path, NAMES, NOW)
    assert octets(files)[2] != before[2]
    handshake(server_context(files), trusting(files.ca))


def test_the_authority_outlives_what_it_signs(files: TlsFiles, tmp_path: Path) -> None:
    before = octets(files)
    ensure_certificate(tmp_path, NAMES, NOW + timedelta(days=3650 - 396))
    assert octets(files)[2] != before[2]
    assert files.ca is not None
    assert expires(files.ca) > expires(files.certificate)


def full(*args: object) -> None:
    raise OSError(28, "No space left on device")


def test_on_a_full_disk_the_old_one_serves_while_it_lasts(
    files: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "write_atomically", full)
    late = NOW + timedelta(days=380)
    server_context(ensure_certificate(tmp_path, NAMES, late))
    with pytest.raises(StoreError, match=r"can't be written: No space left"):
        ensure_certificate(tmp_path, NAMES, late + timedelta(days=30))
    with pytest.raises(StoreError):
        ensure_certificate(tmp_path / "tls", NAMES, NOW)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="can't be written"):
        ensure_certificate(tmp_path, NAMES, NOW)


def test_the_fingerprint_is_that_of_the_certificate(files: TlsFiles) -> None:
    seen = handshake(server_context(files), trusting(files.ca)).getpeercert(binary_form=True)
    assert seen is not None
    shown = fingerprint(files.certificate)
    assert shown.replace(":", "").lower() == hashlib.sha256(seen).hexdigest()
    assert shown[2] == ":" and shown == shown.upper()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(files: TlsFiles, version: ssl.TLSVersion) -> None:
    server, client = server_context(files), trusting(files.ca)
    client.minimum_version = client.maximum_version = version
    first = handshake(server, client)
    assert first.version() == version.name.replace("_", ".")
    assert handshake(server, client, session=first.session).session_reused


def pyopenssl_pair(files: TlsFiles, version: int) -> tuple[SSL.Connection, SSL.Connection]:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    # Whatever else may refuse them is out of the way.
    serving = server_context(files).getContext()
    serving.set_cipher_list(b"ALL:@SECLEVEL=0")
    server = SSL.Connection(serving, None)
    server.set_accept_state()
    return client, server


def exchange(client: SSL.Connection, server: SSL.Connection) -> None:
    for _ in range(3):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            with suppress(SSL.WantReadError):
                one.recv(100)
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(100_000))


def test_old_versions_of_tls_are_refused(files: TlsFiles) -> None:
    with pytest.raises(SSL.Error):
        exchange(*pyopenssl_pair(files, SSL.TLS1_1_VERSION))


def test_nobody_renegotiates(files: TlsFiles) -> None:
    client, server = pyopenssl_pair(files, SSL.TLS1_2_VERSION)
    exchange(client, server)
    assert server.get_cipher_name() is not None
    client.renegotiate()
    with pytest.raises(SSL.Error, match="no renegotiation"):
        exchange(client, server)


def configured(folder: Path, authority: trustme.CA, name: str = "mail.example.org") -> TlsFiles:
    made = authority.issue_cert(name)
    files = TlsFiles(folder / f"{name}.pem", folder / f"{name}.key", None)
    files.key.write_bytes(made.private_key_pem.bytes())
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    return files


def test_a_configured_certificate_is_served_with_its_chain(tmp_path: Path) -> None:
    root = trustme.CA()
    files = configured(tmp_path, root.create_child_ca())
    assert load(files.certificate, files.key) == files
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    client = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    handshake(server_context(files), client, "mail.example.org")


def test_what_is_renewed_is_served_after_a_reload(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    client = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    files = configured(tmp_path, authority)
    server = server_context(files)
    renewed = configured(tmp_path, authority, "new.example.org")
    renewed.certificate.replace(files.certificate)
    with pytest.raises(ConfigError):
        server.reload()
    handshake(server, client, "mail.example.org")
    renewed.key.replace(files.key)
    server.reload()
    handshake(server, client, "new.example.org")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    files = configured(tmp_path, trustme.CA())
    missing = tmp_path / "missing.pem"
    with pytest.raises(ConfigError, match=r"certificate \S+missing.pem can't be read: No such"):
        load(missing, files.key)
    with pytest.raises(ConfigError, match=r"key \S+missing.pem can't be read: No such"):
        load(files.certificate, missing)
    with pytest.raises(ConfigError, match="holds no certificate in PEM form"):
        load(files.key, files.key)
    with pytest.raises(ConfigError, match="holds no private key in PEM form"):
        load(files.certificate, files.certificate)
    with pytest.raises(ConfigError, match="holds no certificate"):
        fingerprint(files.key)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    one = configured(tmp_path, authority)
    other = configured(tmp_path, authority, "other.example.org")
    with pytest.raises(ConfigError, match="does not belong to the certificate"):
        load(one.certificate, other.key)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    files = configured(tmp_path, trustme.CA())
    key = ec.generate_private_key(ec.SECP256R1())
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="is encrypted"):
        load(files.certificate, files.key)


def test_a_key_that_is_too_weak_is_refused(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "weak.pem", tmp_path / "weak.key", None)
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([])
    files.certificate.write_bytes(
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(ConfigError, match="OpenSSL refuses"):
        load(files.certificate, files.key)


def test_which_hosts_a_certificate_is_for(tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    trustme.CA().issue_cert("*.home.example", "mail.example", "192.0.2.1").cert_chain_pems[
        0
    ].write_to_path(path)
    for host in ("a.home.example", "A.HOME.EXAMPLE", "mail.example", "192.0.2.1"):
        assert tls.is_for(path, host)
    for host in ("a.b.home.example", "home.example", "example", "192.0.2.2", "::1"):
        assert not tls.is_for(path, host)
