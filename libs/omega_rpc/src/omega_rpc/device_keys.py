"""The key of a device: what it proves itself with, in a request for a certificate or a call."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from omega_core import limits
from omega_core.errors import invalid

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
"""On P-256 or Ed25519: nothing else is a device's key."""
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
"""The secret half."""

_KINDS = "a key on P-256 or Ed25519"
_COORDINATE = 32


@dataclass(frozen=True)
class DeviceIdentityKey:
    """Public half of a device's key, in the forms that others name it by."""

    public: PublicKey
    """The key."""

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The required members of its JSON Web Key (RFC 7517, RFC 8037), none else."""
        if isinstance(self.public, ed25519.Ed25519PublicKey):
            return {"crv": "Ed25519", "kty": "OKP", "x": encoded(self.public.public_bytes_raw())}
        point = self.public.public_numbers()
        x, y = (n.to_bytes(_COORDINATE, "big") for n in (point.x, point.y))
        return {"crv": "P-256", "kty": "EC", "x": encoded(x), "y": encoded(y)}

    @cached_property
    def thumbprint(self) -> str:
        """SHA-256 of the JSON Web Key in its canonical form (RFC 7638), 43 characters."""
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return encoded(hashlib.sha256(canonical.encode()).digest())

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of its SubjectPublicKeyInfo (DER), 32 bytes."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return hashlib.sha256(self.public.public_bytes(serialization.Encoding.DER, form)).digest()


@dataclass(frozen=True)
class DeviceKey:
    """A device's key. It never leaves the TV."""

    private: PrivateKey = field(repr=False)
    """The secret half."""

    @classmethod
    def generate(cls) -> DeviceKey:
        """A fresh key on P-256."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> DeviceKey:
        """The key in an unencrypted PEM file; `name` is the setting or field that holds it.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise invalid(name, "an unencrypted private key in PEM") from error
        if not isinstance(key, PrivateKey):
            raise invalid(name, _KINDS)
        admitted(name, key.public_key())
        return cls(key)

    @classmethod
    def load(cls, name: str, path: Path) -> DeviceKey:
        """Reads a file that save() wrote.

        Raises:
            OmegaError: INVALID_FIELD when it cannot be read, others may read it, or it holds no
                such key.
        """
        try:
            mode, pem = path.stat().st_mode, path.read_bytes()
        except OSError as error:
            raise invalid(name, f"a readable PEM file ({error.strerror})") from error
        if mode & 0o007:
            raise invalid(name, "a file that others cannot read (chmod o-rwx)")
        return cls.from_pem(name, pem)

    def pem(self) -> bytes:
        """PKCS #8 in PEM, without encryption."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def save(self, path: Path) -> None:
        """Writes pem() so that only the owner can read it; it is there as a whole or not at all.

        Raises:
            OSError: it could not be written.
        """
        write_private(path, self.pem())

    @cached_property
    def public(self) -> DeviceIdentityKey:
        """The public half."""
        return DeviceIdentityKey(self.private.public_key())

    @property
    def algorithm(self) -> str:
        """Name of its signatures in JOSE: ES256 or EdDSA."""
        return "ES256" if isinstance(self.private, ec.EllipticCurvePrivateKey) else "EdDSA"

    def csr(self) -> bytes:
        """A certificate signing request (PKCS #10, DER) without names: the server gives them."""
        builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
        request = builder.sign(self.private, signature_hash(self.private))
        return request.public_bytes(serialization.Encoding.DER)


def csr_key(name: str, der: bytes) -> DeviceIdentityKey:
    """The key whose holder signed a certificate signing request; `name` is the request's field.

    Raises:
        OmegaError: INVALID_FIELD when it is none, its signature is wrong, or its key of another
            kind.
    """
    if len(der) > limits.MAX_CSR:
        raise invalid(name, f"at most {limits.MAX_CSR:,} bytes")
    try:
        request = x509.load_der_x509_csr(der)
        key = DeviceIdentityKey(admitted(name, request.public_key()))
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise invalid(name, f"a PKCS #10 request (DER) of {_KINDS}") from error
    if not signed:
        raise invalid(name, "signed by the key that it names")
    return key


def admitted(name: str, key: object) -> PublicKey:
    """The key, if it is of a kind that devices use.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise invalid(name, _KINDS)


def signature_hash(key: object) -> hashes.SHA256 | None:
    """Hash of a certificate's or request's signature; None where the algorithm has its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def encoded(data: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def write_private(path: Path, data: bytes) -> None:
    """Writes a file of mode 600 that is there as a whole or not at all, after a crash too.

    Raises:
        OSError: it could not be written.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
