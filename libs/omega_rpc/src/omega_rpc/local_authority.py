"""Authorities and server certificates for a desk or a test. A fleet has its own PKI for servers."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from omega_core.errors import invalid

_SKEW = timedelta(minutes=5)
_MOST_NAMES = 32


@dataclass(frozen=True)
class Signed:
    """A certificate with its key, on P-256."""

    certificate: x509.Certificate
    """The certificate."""
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    """Its key."""

    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """The key in PEM (PKCS #8), without encryption."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def authority(name: str, now: datetime, lifetime: timedelta) -> Signed:
    """A root that signs leaves only; `name` is its common name, 1 to 64 characters."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _dated(key, subject, subject, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signed(certificate, key)


def server(issuer: Signed, names: Sequence[str], now: datetime, lifetime: timedelta) -> Signed:
    """A certificate of a server.

    Args:
        issuer: made by authority().
        names: host names and IP addresses that clients call it by, 1 to 32.
        now: the present instant.
        lifetime: how long it is good.

    Raises:
        OmegaError: INVALID_FIELD `names`.
    """
    if not 1 <= len(names) <= _MOST_NAMES:
        raise invalid("names", f"1 to {_MOST_NAMES} host names or IP addresses")
    key = ec.generate_private_key(ec.SECP256R1())
    # Empty: clients go by the alternative names alone (RFC 6125).
    certificate = (
        _dated(key, x509.Name([]), issuer.certificate.subject, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
        .sign(issuer.key, hashes.SHA256())
    )
    return Signed(certificate, key)


def _dated(
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lifetime)
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise invalid("names", "host names in ASCII or IP addresses") from error
