"""TLS towards POP3 servers: whom to trust, how old it may be, and the check with its reason."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet import ssl
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer  # type: ignore[import-untyped]

from bridge.errors import CertificateError
from bridge.model.account import TlsOptions
from bridge.net.pop3_errors import EXPIRED, Peer

_ssl: Any = ssl  # Half of it is untyped.
_UNKNOWN_AUTHORITY = "the authority that signed it is not known here"
_REASONS = {
    2: _UNKNOWN_AUTHORITY,
    9: "it is not valid yet; the clock of this machine may be wrong",
    10: EXPIRED,
    18: "it is self-signed",
    19: "its chain ends in an authority that is not trusted here",
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    23: "it was revoked",
    66: "its key is too weak",
    67: "the key of an authority in its chain is too weak",
    68: "its signature is too weak",
}
"""OpenSSL's X509_V_ERR numbers; others are named by number."""

_WEAK = frozenset({66, 67, 68})
"""What a pin doesn't forgive: anybody could have made the key that it names."""

_VERSIONS = {
    "1.0": _ssl.TLSVersion.TLSv1_0,
    "1.1": _ssl.TLSVersion.TLSv1_1,
    "1.2": _ssl.TLSVersion.TLSv1_2,
    "1.3": _ssl.TLSVersion.TLSv1_3,
}
_OLD_VERSIONS = frozenset({"1.0", "1.1"})
_OLD = (
    "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:ECDH+AES:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!MD5:!DSS"
    ":@SECLEVEL=0"
)
"""Good ciphers; but OpenSSL 3 speaks TLS 1.0 and 1.1 on its lowest security level only."""

_LEGACY = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
"""All but those that protect nothing."""


class _Cipher:
    """An `ICipher`: a word of OpenSSL's cipher list, as Twisted writes it down."""

    def __init__(self, words: str) -> None:
        self.fullName = words


class _Ciphers:
    """An `IAcceptableCiphers` of OpenSSL's own words, which know "@SECLEVEL"."""

    def __init__(self, words: str) -> None:
        self._words = words

    def selectCiphers(self, available: object) -> tuple[_Cipher, ...]:
        return (_Cipher(self._words),)


@implementer(IOpenSSLClientConnectionCreator)
class ClientTls:
    """What `startTLS` takes for connections to one host.

    Args:
        context: of OpenSSL.
        peer: whose name the certificate must have.
        pins: SHA-256 of certificates in lower-case hex, in place of name and chain; or none.

    Raises:
        ValueError: no host can have such a name.
    """

    def __init__(self, context: SSL.Context, peer: Peer, pins: frozenset[str]) -> None:
        self._context = context
        self._pins = pins
        self._name = peer.host.removesuffix(".")  # Certificates don't have it.
        is_address = isIPAddress(self._name) or isIPv6Address(self._name)
        self._server_name = None if is_address else self._name.encode("idna")
        self._wanted: Any = (
            IPAddress_ID(self._name) if is_address else DNS_ID(self._name.encode("idna").decode())
        )

    @property
    def pinned(self) -> bool:
        """Whether a pin decides."""
        return bool(self._pins)

    def clientConnectionForTLS(self, protocol: object) -> SSL.Connection:
        """As `IOpenSSLClientConnectionCreator`'s. Without `check` nothing is trusted."""
        connection = SSL.Connection(self._context, None)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        connection.set_verify(_VERIFY, lambda *_: False)
        return connection

    def check(self, tls: SSL.Connection, found: Callable[[str], None]) -> None:
        """Has the handshake of `tls` fail unless the certificate is right; `found` is told why.

        It takes the place of Twisted's own check, which lets a certificate without subjectAltName
        pass for every host (what service_identity raises then is only logged), and tells no
        reasons.
        """

        def verify(_: SSL.Connection, it: crypto.X509, error: int, depth: int, ok: int) -> bool:
            if error in _WEAK or not (ok or self._pins):
                found(_REASONS.get(error, f"OpenSSL reports verification error {error}"))
                return False
            if depth != 0:
                return True
            # No exception may leave: OpenSSL, which called, would not hear of it.
            try:
                fault = self._pin_fault(it) if self._pins else self._name_fault(it)
            except Exception:
                fault = "it can't be read"
            if fault:
                found(fault)
            return not fault

        tls.set_verify(_VERIFY, verify)

    def _pin_fault(self, certificate: crypto.X509) -> str:
        der = certificate.to_cryptography().public_bytes(Encoding.DER)
        digest = hashlib.sha256(der).hexdigest()
        return "" if digest in self._pins else f"its SHA-256 is {digest}, which is not pinned"

    def _name_fault(self, certificate: crypto.X509) -> str:
        try:
            verify_service_identity(extract_patterns(certificate), [self._wanted], [])
        except VerificationError:
            return f"it is for another host than {self._name}"
        except Exception:
            return "it names no host"
        return ""


_VERIFY = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


class Trust:
    """Makes TLS settings; blocks, so it is for a thread.

    Args:
        roots: a PEM file of authorities that replaces the platform's; read once.
    """

    def __init__(self, roots: Path | None) -> None:
        self._roots = roots
        # To read the authorities of a platform for each connection would take 20 ms of it.
        self._contexts: dict[TlsOptions, SSL.Context] = {}

    def options(self, peer: Peer, wanted: TlsOptions) -> ClientTls:
        """What `startTLS` takes for connections to the peer.

        Files of the account's own are read each time: their owner may renew them.

        Raises:
            CertificateError: one of the files can't be used.
            UnknownHostError: no host can have such a name.
        """
        context = self._contexts.get(wanted)
        if context is None:
            context = self._context(wanted)
            if not (wanted.authorities or wanted.certificate):
                self._contexts[wanted] = context
        try:
            return ClientTls(context, peer, wanted.pins)
        except ValueError:
            # The UnicodeError of a name that IDNA doesn't allow.
            raise peer.unknown() from None

    def _context(self, wanted: TlsOptions) -> SSL.Context:
        if wanted.authorities is not None:
            roots = _authorities(Path(wanted.authorities), _OWN_AUTHORITIES)
        elif self._roots is not None:
            roots = _authorities(self._roots, _THE_AUTHORITIES)
        else:
            roots = _ssl.platformTrust()
        version = _VERSIONS[wanted.minimum]
        lowered = wanted.minimum in _OLD_VERSIONS
        given: dict[str, Any] = {
            "insecurelyLowerMinimumTo" if lowered else "raiseMinimumTo": version,
            **_ciphers(wanted),
            **_client_certificate(wanted),
        }
        try:
            context: SSL.Context = _ssl.CertificateOptions(trustRoot=roots, **given).getContext()
        except SSL.Error:
            raise CertificateError(
                f"The key of the client certificate {wanted.certificate} is not its own.",
                "Name the certificate's own key.",
            ) from None
        return context


def weaknesses(wanted: TlsOptions) -> tuple[str, ...]:
    """What is weaker than by default, in words."""
    found = []
    if wanted.minimum in _OLD_VERSIONS:
        found.append(f"TLS {wanted.minimum} is allowed")
    if wanted.legacy_ciphers:
        found.append("ciphers and keys are allowed that OpenSSL holds for too weak")
    return tuple(found)


def _ciphers(wanted: TlsOptions) -> dict[str, Any]:
    if wanted.legacy_ciphers:
        return {"acceptableCiphers": _Ciphers(_LEGACY)}
    if wanted.minimum in _OLD_VERSIONS:
        return {"acceptableCiphers": _Ciphers(_OLD)}
    return {}


_THE_AUTHORITIES = (
    "Name a readable PEM file in SSL_CERT_FILE, or none for the system's authorities."
)
_OWN_AUTHORITIES = "Name a readable PEM file for the account, or none for the system's authorities."


def _authorities(path: Path, remedy: str) -> Any:
    what = f"The file {path} of trusted authorities"
    loaded = _certificates(path, what, remedy)
    return _ssl.trustRootFromCertificates(
        _ssl.Certificate(crypto.X509.from_cryptography(one)) for one in loaded
    )


def _certificates(path: Path, what: str, remedy: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as wrong:
        raise _unusable(what, wrong, "it holds no PEM certificate", remedy) from None


def _client_certificate(wanted: TlsOptions) -> dict[str, Any]:
    """Certificate, chain and key as `CertificateOptions` takes them."""
    if wanted.certificate is None:
        return {}
    remedy = "Name readable PEM files for the account's certificate and key."
    own = f"The client certificate {wanted.certificate}"
    first, *chain = _certificates(Path(wanted.certificate), own, remedy)
    path = wanted.key or wanted.certificate
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as wrong:
        reason = (
            "it is protected by a passphrase, which nobody is here to type"
            if isinstance(wrong, TypeError)
            else "it holds no PEM key"
        )
        raise _unusable(
            f"The key {path} of the client certificate", wrong, reason, remedy
        ) from None
    return {"certificate": first, "extraCertChain": chain, "privateKey": key}


def _unusable(what: str, wrong: Exception, reason: str, remedy: str) -> CertificateError:
    if isinstance(wrong, OSError):
        reason = wrong.strerror or "it can't be read"
    return CertificateError(f"{what} can't be used: {reason}.", remedy)
