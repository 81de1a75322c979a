from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_rpc.device_keys import DeviceIdentityKey, DeviceKey, csr_key

KEY = DeviceKey.generate()
EDWARDS = DeviceKey(ed25519.Ed25519PrivateKey.generate())
CSR = KEY.csr()
SIGNED = x509.load_der_x509_csr(CSR).tbs_certrequest_bytes


def pem(private: object) -> bytes:
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def request(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    made = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def test_the_thumbprint_is_that_of_the_standards_own_example() -> None:
    # RFC 8037, appendix A.3: an Ed25519 key and its thumbprint.
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    key = DeviceIdentityKey(ed25519.Ed25519PublicKey.from_public_bytes(raw))
    assert key.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("key", [KEY, EDWARDS], ids=["P-256", "Ed25519"])
def test_a_request_proves_the_key_that_signed_it(key: DeviceKey) -> None:
    found = csr_key("csr", key.csr())
    assert found == key.public
    der = key.private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert found.sha256 == hashlib.sha256(der).digest()


@given(at=st.integers(0, len(SIGNED) - 1), bit=st.integers(0, 7))
def test_no_bit_of_what_is_signed_can_change(at: int, bit: int) -> None:
    altered = bytearray(CSR)
    altered[CSR.index(SIGNED) + at] ^= 1 << bit
    with pytest.raises(OmegaError, match="csr must be"):
        csr_key("csr", bytes(altered))


@given(st.binary(max_size=200))
def test_other_bytes_are_no_request(data: bytes) -> None:
    with pytest.raises(OmegaError, match="csr must be"):
        csr_key("csr", data)


def test_a_request_of_another_kind_of_key_or_too_long_is_refused() -> None:
    for other in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(OmegaError, match="csr must be a key on P-256 or Ed25519"):
            csr_key("csr", request(other))
    with pytest.raises(OmegaError, match="csr must be at most 2,048 bytes"):
        csr_key("csr", CSR + bytes(2_048))


def test_a_key_comes_back_from_its_file_which_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    path.write_text("what was there before")
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert DeviceKey.load("key", path).public == KEY.public
    assert [entry.name for entry in tmp_path.iterdir()] == ["device.key"]
    path.chmod(0o604)
    with pytest.raises(OmegaError, match="key must be a file that others cannot read"):
        DeviceKey.load("key", path)


def test_a_file_without_such_a_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    with pytest.raises(OmegaError, match="key must be a readable PEM file"):
        DeviceKey.load("key", path)
    for content in (b"", b"no PEM", pem(rsa.generate_private_key(65537, 2048)), CSR):
        with pytest.raises(OmegaError, match="key must be"):
            DeviceKey.from_pem("key", content)
    with pytest.raises(OmegaError, match="key must be a key on P-256"):
        DeviceKey.from_pem("key", pem(ec.generate_private_key(ec.SECP384R1())))


def test_the_secret_half_shows_in_no_representation() -> None:
    secret = KEY.private
    assert isinstance(secret, ec.EllipticCurvePrivateKey)
    assert str(secret.private_numbers().private_value) not in repr(KEY)
    assert "private" not in repr(KEY).lower()
