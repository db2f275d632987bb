"""Certificates: a private authority for who has none, and the context that IMAP is served with."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.ssl import ContextFactory
from twisted.logger import Logger

from bridge.errors import ConfigError, StoreError
from bridge.net.authority import (
    SERVER_LIFE,
    Pair,
    alternative_names,
    names_of,
    new_authority,
    new_server,
)
from bridge.net.files import write_atomically

RENEW_BEFORE = timedelta(days=30)
LOOPBACK = ("localhost", "127.0.0.1", "::1")

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"
"""For TLS 1.2: forward secrecy; the last for mail apps of 2013. TLS 1.3 has no others."""

_FOLDER_MODE, _KEY_MODE, _CERTIFICATE_MODE = 0o700, 0o600, 0o644
_NO_PAIR = "Set both files of [tls], or neither to have a private certificate made."
_log = Logger("popbridge.tls")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; `ca` is what a device must trust, None where the certificate is configured."""

    certificate: Path
    key: Path
    ca: Path | None


class ServerContext(ContextFactory):
    """What `startTLS` and `TLSMemoryBIOFactory` take; made by `server_context`."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._context = _context(files)

    def getContext(self) -> SSL.Context:
        """The context for the next connection."""
        return self._context

    def reload(self, files: TlsFiles | None = None) -> None:
        """Reads the files again, or others; connections that stand keep what they have.

        Raises:
            ConfigError: they can't be used; the old ones go on serving.
        """
        files = files or self._files
        self._context = _context(files)
        self._files = files


def server_context(files: TlsFiles) -> ServerContext:
    """Serves with these files: TLS 1.2 at least, no renegotiation, resumption by ticket.

    Raises:
        ConfigError: they can't be read or don't belong together.
    """
    return ServerContext(files)


def load(certificate: Path, key: Path) -> TlsFiles:
    """The files that are configured, seen to be a certificate, perhaps with its chain, and its key.

    Raises:
        ConfigError: they can't be read or don't belong together.
    """
    files = TlsFiles(certificate, key, None)
    _context(files)
    return files


def fingerprint(path: Path) -> str:
    """SHA-256 of the first certificate of a file, as mail apps show it: "AB:CD:…".

    Raises:
        ConfigError: it can't be read.
    """
    return _chain(path)[0].fingerprint(hashes.SHA256()).hex(":").upper()


def expires(path: Path) -> datetime:
    """When the first certificate of a file ends, aware UTC.

    Raises:
        ConfigError: it can't be read.
    """
    return _chain(path)[0].not_valid_after_utc


def host_names(path: Path) -> list[str]:
    """The host names, in lower case, that the first certificate of a file is for; no patterns.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        found = _chain(path)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in found.value.get_values_for_type(x509.DNSName)]


def is_for(path: Path, host: str) -> bool:
    """Whether the first certificate of a file is for a host name or address (RFC 6125 §6.4).

    Raises:
        ConfigError: it can't be read.
    """
    names = names_of(_chain(path)[0])
    if alternative_names([host]) & names:
        return True
    above = host.partition(".")[2]
    return bool(above) and x509.DNSName(f"*.{above.lower()}") in names


def ensure_certificate(data: Path, hostnames: Sequence[str], now: datetime) -> TlsFiles:
    """A private authority and a server certificate by it, made or renewed in DATA/tls as needed.

    Args:
        data: the data folder.
        hostnames: names and addresses that clients use; loopback and this machine's name are
            always among the certificate's.
        now: aware UTC.

    Raises:
        StoreError: they must be made and can't be written.
    """
    folder = data / "tls"
    files = TlsFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    names = alternative_names([*hostnames, *LOOPBACK, socket.gethostname()])
    old = _own_pair(files.certificate, files.key, folder / "ca.pem")
    if old and _lasts(old[0], now + RENEW_BEFORE) and names_of(old[0]) == names:
        return files
    try:
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        made = new_server(_authority(folder, now), names, now, old[1] if old else None)
        _write(files.certificate, files.key, made)
    except OSError as wrong:
        if not (old and _lasts(old[0], now)):
            raise StoreError(
                f"The certificate in {folder} can't be written: {wrong.strerror}.",
                "Check owner and mode of the folder, and the free space.",
            ) from None
        # A full disk must not keep anybody from reading mail.
        _log.warn("The certificate can't be renewed: {why}", why=wrong.strerror)
    return files


def _authority(folder: Path, now: datetime) -> Pair:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    old = _own_pair(certificate, key, certificate)
    if old and _lasts(old[0], now + SERVER_LIFE):
        return old
    if certificate.exists():
        _log.warn("A new private authority is made: devices must trust {ca}", ca=certificate)
    made = new_authority(socket.gethostname(), now)
    _write(certificate, key, made)
    return made


def _write(certificate: Path, key: Path, pair: Pair) -> None:
    pem = serialization.Encoding.PEM
    form, secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    # Cut short after a new key they are no pair, and the next start makes them anew.
    write_atomically(key, pair[1].private_bytes(pem, form, secret), _KEY_MODE)
    write_atomically(certificate, pair[0].public_bytes(pem), _CERTIFICATE_MODE)


def _own_pair(certificate: Path, key: Path, ca: Path) -> Pair | None:
    """Certificate and key if they belong together and the authority signed them, else None."""
    try:
        chain, private = _read_pair(certificate, key)
        chain[0].verify_directly_issued_by(_chain(ca)[0])
    except (ConfigError, InvalidSignature, TypeError, ValueError):
        return None
    return (chain[0], private) if isinstance(private, ec.EllipticCurvePrivateKey) else None


def _lasts(certificate: x509.Certificate, until: datetime) -> bool:
    return certificate.not_valid_after_utc >= until


def _context(files: TlsFiles) -> SSL.Context:
    chain, key = _read_pair(files.certificate, files.key)
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    # An idle connection gives its buffers back: most connections idle.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(CIPHERS)
    try:
        context.use_certificate(chain[0])
        for above in chain[1:]:
            context.add_extra_chain_cert(above)
        context.use_privatekey(key)
    except (SSL.Error, TypeError, ValueError):
        raise ConfigError(
            f"OpenSSL refuses the certificate {files.certificate} or its key.",
            "Use an RSA key of at least 2048 bits or an ECDSA key.",
        ) from None
    return context


def _read_pair(certificate: Path, key: Path) -> tuple[list[x509.Certificate], Any]:
    chain = _chain(certificate)
    private = _private_key(key)
    if private.public_key() != chain[0].public_key():
        raise ConfigError(
            f"The key {key} does not belong to the certificate {certificate}.", _NO_PAIR
        )
    return chain, private


def _chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path, "certificate"))
    except ValueError:
        raise ConfigError(
            f"The file {path} holds no certificate in PEM form.",
            "It has a line -----BEGIN CERTIFICATE-----.",
        ) from None


def _private_key(path: Path) -> Any:
    octets = _read(path, "key")
    try:
        return serialization.load_pem_private_key(octets, None)
    except TypeError:
        raise ConfigError(
            f"The key {path} is encrypted.", "Write it without a passphrase, mode 0600."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"The file {path} holds no private key in PEM form.",
            "It has a line -----BEGIN PRIVATE KEY----- or one like it.",
        ) from None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(
            f"The {what} {path} can't be read: {wrong.strerror}.",
            "Check [tls], and that this user may read the file.",
        ) from None
