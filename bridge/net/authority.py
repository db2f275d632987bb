"""A private certificate authority, and server certificates by it: pure values, no files."""

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.logger import Logger

CA_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=397)
"""Apple's devices trust none that lives longer."""
CLOCK_SKEW = timedelta(days=1)
"""A phone whose clock is behind trusts a new certificate too."""

_COMMON_NAME_MAX = 64
_log = Logger("popbridge.tls")

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
Extensions = Iterable[tuple[x509.ExtensionType, bool]]
"""Each with whether who doesn't know it must refuse the certificate."""


def new_authority(machine: str, now: datetime) -> Pair:
    """An authority, named after the machine so that a device can tell several apart."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _signed(f"popbridge CA of {machine}", key, now, CA_LIFE, None, _ca_extensions())


def new_server(
    authority: Pair,
    names: Iterable[x509.GeneralName],
    now: datetime,
    key: ec.EllipticCurvePrivateKey | None,
) -> Pair:
    """A certificate for a server of these names, signed by the authority.

    Given the old `key`, the file of the key stays as it is: no crash can leave two files that
    don't belong together.
    """
    named = x509.SubjectAlternativeName(sorted(names, key=repr))
    extensions = [(named, False), *_server_extensions()]
    key = key or ec.generate_private_key(ec.SECP256R1())
    return _signed("popbridge", key, now, SERVER_LIFE, authority, extensions)


def alternative_names(hostnames: Iterable[str]) -> set[x509.GeneralName]:
    """Names and addresses as a certificate holds them; what can't stand in one is left out."""
    return set(_names(hostnames))


def names_of(certificate: x509.Certificate) -> set[x509.GeneralName]:
    """The names that a certificate is for."""
    try:
        kind = x509.SubjectAlternativeName
        return set(certificate.extensions.get_extension_for_class(kind).value)
    except (x509.ExtensionNotFound, ValueError):
        return set()


def _names(hostnames: Iterable[str]) -> Iterator[x509.GeneralName]:
    for name in hostnames:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            try:
                yield x509.DNSName(name.lower().encode("idna").decode("ascii"))
            except UnicodeError:
                _log.warn("{name!r} can't stand in a certificate", name=name)
        else:
            # 0.0.0.0 and :: are listened on, but nobody connects to them.
            if not address.is_unspecified:
                yield x509.IPAddress(address)


def _ca_extensions() -> Extensions:
    yield x509.BasicConstraints(ca=True, path_length=0), True
    yield _key_usage(key_cert_sign=True, crl_sign=True), True


def _server_extensions() -> Extensions:
    yield x509.BasicConstraints(ca=False, path_length=None), True
    yield _key_usage(digital_signature=True), True
    yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False


def _key_usage(**given: bool) -> x509.KeyUsage:
    uses = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{use: given.get(use, False) for use in uses.split()})


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
    issuer: Pair | None,
    extensions: Extensions,
) -> Pair:
    """A certificate for the key, signed by `issuer` or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_COMMON_NAME_MAX])])
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now - CLOCK_SKEW + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256()), key
