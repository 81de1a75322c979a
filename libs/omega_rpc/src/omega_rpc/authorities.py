"""Certificates of devices: who signs them, and what they say.

A device's certificate (X.509, RFC 5280) names it in one URI of its subject's alternative names,
`omega://SHARD/device/tv-...`, and is good for TLS clients only.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc.device_keys import PublicKey, signature_hash
from omega_rpc.dpop import refused

AuthorityKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
"""What an authority signs with."""

SHARD = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
"""Name of a shard: a label of a host name, 1 to 63 characters of [a-z0-9-]."""
_PATH = re.compile(r"/device/(tv-[0-9a-f]{32})\Z")
_SKEW = timedelta(minutes=5)
_SERIAL_BITS = 128
_MOST_AUTHORITIES = 3


@dataclass(frozen=True)
class DeviceCertificate:
    """What a device's certificate says."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    shard: str
    """Where the device is registered."""
    serial: bytes
    """Serial number, big-endian, 1 to 20 bytes."""
    not_after: datetime
    """When it ends, aware."""


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate that was made just now."""

    chain: tuple[bytes, ...]
    """It and the authorities that signed it, DER, its own first."""
    said: DeviceCertificate
    """What it says."""


@dataclass(frozen=True)
class DeviceAuthority:
    """Signs the certificates of a shard's devices."""

    chain: tuple[x509.Certificate, ...]
    """The authority's certificate, then those above it."""
    key: AuthorityKey = field(repr=False)
    """The key of the first."""

    @classmethod
    def read(
        cls, certificate_name: str, certificate: Path, key_name: str, key: Path
    ) -> DeviceAuthority:
        """Reads PEM files; the names are the settings that hold their paths.

        Raises:
            OmegaError: INVALID_FIELD that names the setting whose file is of no use.
        """
        try:
            chain = tuple(x509.load_pem_x509_certificates(certificate.read_bytes()))
        except (OSError, ValueError) as error:
            raise invalid(certificate_name, "a readable file of PEM certificates") from error
        if not 1 <= len(chain) <= _MOST_AUTHORITIES:
            raise invalid(certificate_name, f"1 to {_MOST_AUTHORITIES} certificates")
        if not _may_sign(chain[0]):
            raise invalid(certificate_name, "a certificate that may sign others (CA:TRUE)")
        try:
            mode, pem = key.stat().st_mode, key.read_bytes()
            private = serialization.load_pem_private_key(pem, None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise invalid(key_name, "a readable file of an unencrypted PEM key") from error
        if mode & 0o007:
            raise invalid(key_name, "a file that others cannot read (chmod o-rwx)")
        if not isinstance(private, AuthorityKey) or private.public_key() != chain[0].public_key():
            raise invalid(key_name, f"the key of {certificate_name}")
        return cls(chain, private)

    def sign(
        self, key: PublicKey, device_id: str, shard: str, now: datetime, lifetime: timedelta
    ) -> IssuedCertificate:
        """A certificate for a device's key, with a serial number of 128 random bits.

        It begins 5 minutes early, for clocks that are slow, and never outlives the authority.

        Raises:
            OmegaError: INVALID_FIELD when the id or the shard has another form; INTERNAL when the
                authority has ended itself.
        """
        validate.device_id("device_id", device_id)
        check_shard("shard", shard)
        issuer = self.chain[0]
        serial = secrets.randbits(_SERIAL_BITS) or 1
        ends = min(now + lifetime, issuer.not_valid_after_utc).replace(microsecond=0)
        if ends <= now:
            raise OmegaError(
                ErrorCode.INTERNAL, detail="the certificate of the device CA has ended"
            )
        uri = x509.UniformResourceIdentifier(f"omega://{shard}/device/{device_id}")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)]))
            .issuer_name(issuer.subject)
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(now - _SKEW)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, signature_hash(self.key))
        )
        chain = (certificate, *self.chain)
        der = tuple(each.public_bytes(serialization.Encoding.DER) for each in chain)
        return IssuedCertificate(der, read_certificate(der[0]))


@lru_cache(maxsize=16_384)
def read_certificate(der: bytes) -> DeviceCertificate:
    """What a device's certificate says, which the TLS of the listener has verified.

    Raises:
        OmegaError: UNAUTHENTICATED with field `certificate` when it is no device's.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (
        ValueError,
        x509.InvalidVersion,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise refused("certificate", "no device certificate") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise refused("certificate", "no client certificate with one URI")
    scheme, shard, path, *rest = urlsplit(uris[0])
    match = _PATH.match(path)
    if scheme != "omega" or not SHARD.match(shard) or not match or any(rest):
        raise refused("certificate", "its URI names no device")
    serial = certificate.serial_number
    return DeviceCertificate(
        match[1],
        shard,
        serial.to_bytes((serial.bit_length() + 7) // 8, "big"),
        certificate.not_valid_after_utc.astimezone(UTC),
    )


def check_shard(name: str, value: str) -> str:
    """The name of a shard; `name` is the field or setting that holds it.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not SHARD.match(value):
        raise invalid(name, "1 to 63 characters of [a-z0-9-], no hyphen at either end")
    return value


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return found.value.ca
