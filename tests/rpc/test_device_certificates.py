from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import local_authority
from omega_rpc.authorities import DeviceAuthority, check_shard, read_certificate
from omega_rpc.device_keys import DeviceKey

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
DEVICE = "tv-" + "0" * 32
ROOT = local_authority.authority("devices", NOW, 30 * DAY)
AUTHORITY = DeviceAuthority((ROOT.certificate,), ROOT.key)
KEY = DeviceKey.generate()


def files(directory: Path, certificate: bytes, key: bytes, mode: int = 0o600) -> tuple[Path, Path]:
    paths = directory / "ca.pem", directory / "ca.key"
    for path, content in zip(paths, (certificate, key), strict=True):
        path.write_bytes(content)
    paths[1].chmod(mode)
    return paths


def read(directory: Path, certificate: bytes, key: bytes, mode: int = 0o600) -> DeviceAuthority:
    path, key_path = files(directory, certificate, key, mode)
    return DeviceAuthority.read("device_ca", path, "device_ca_key", key_path)


def other(uris: list[str], usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH) -> bytes:
    """A certificate that says something else."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
    names = names or [x509.DNSName("a.example")]
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DEVICE)]))
        .issuer_name(ROOT.certificate.subject)
        .public_key(KEY.private.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(ROOT.key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def test_a_certificate_says_which_device_of_which_shard_it_is_and_until_when() -> None:
    made = AUTHORITY.sign(KEY.public.public, DEVICE, "shard-1", NOW, 24 * timedelta(hours=1))
    said = read_certificate(made.chain[0])
    assert said == made.said
    assert (said.device_id, said.shard, said.not_after) == (DEVICE, "shard-1", NOW + DAY)
    assert 1 <= len(said.serial) <= 16
    certificate = x509.load_der_x509_certificate(made.chain[0])
    certificate.verify_directly_issued_by(ROOT.certificate)
    assert certificate.public_key() == KEY.private.public_key()
    assert certificate.not_valid_before_utc < NOW
    assert made.chain[1] == ROOT.certificate.public_bytes(serialization.Encoding.DER)
    assert all(len(der) <= 4_096 for der in made.chain)


def test_serial_numbers_are_drawn_anew() -> None:
    made = {AUTHORITY.sign(KEY.public.public, DEVICE, "s", NOW, DAY).said.serial for _ in range(50)}
    assert len(made) == 50
    assert max(map(len, made)) == 16


def test_a_certificate_does_not_outlive_its_authority() -> None:
    made = AUTHORITY.sign(KEY.public.public, DEVICE, "s", NOW, 60 * DAY)
    assert made.said.not_after == NOW + 30 * DAY
    with pytest.raises(OmegaError) as caught:
        AUTHORITY.sign(KEY.public.public, DEVICE, "s", NOW + 30 * DAY, DAY)
    assert caught.value.code is ErrorCode.INTERNAL


@pytest.mark.parametrize(
    "uris",
    [
        [],
        [f"omega://s/device/{DEVICE}", f"omega://s/device/{DEVICE}"],
        [f"https://s/device/{DEVICE}"],
        [f"omega:///device/{DEVICE}"],
        [f"omega://S!/device/{DEVICE}"],
        [f"omega://s/operator/{DEVICE}"],
        [f"omega://s/device/{DEVICE}/x"],
        [f"omega://s/device/{DEVICE}?x"],
        [f"omega://s/device/{DEVICE}#x"],
        ["omega://s/device/tv-1"],
    ],
)
def test_a_certificate_that_names_no_one_device_is_refused(uris: list[str]) -> None:
    with pytest.raises(OmegaError) as caught:
        read_certificate(other(uris))
    assert (caught.value.code, caught.value.field) == (ErrorCode.UNAUTHENTICATED, "certificate")


def test_a_certificate_for_servers_is_refused() -> None:
    uri = f"omega://s/device/{DEVICE}"
    assert read_certificate(other([uri])).device_id == DEVICE
    with pytest.raises(OmegaError, match="no client certificate"):
        read_certificate(other([uri], ExtendedKeyUsageOID.SERVER_AUTH))


@given(st.binary(max_size=300))
def test_other_bytes_are_no_certificate(data: bytes) -> None:
    with pytest.raises(OmegaError) as caught:
        read_certificate(data)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED


def test_an_authority_is_read_from_its_files(tmp_path: Path) -> None:
    found = read(tmp_path, ROOT.certificate_pem(), ROOT.key_pem())
    assert found.sign(KEY.public.public, DEVICE, "s", NOW, DAY).said.device_id == DEVICE
    assert "private" not in repr(found).lower()


def test_a_file_of_no_use_is_named(tmp_path: Path) -> None:
    certificate, key = ROOT.certificate_pem(), ROOT.key_pem()
    stranger = local_authority.authority("stranger", NOW, DAY)
    leaf = local_authority.server(ROOT, ["localhost"], NOW, DAY)
    for wrong, field in (
        ((b"no PEM", key), "device_ca"),
        ((leaf.certificate_pem(), leaf.key_pem()), "device_ca"),
        ((certificate * 4, key), "device_ca"),
        ((certificate, b"no PEM"), "device_ca_key"),
        ((certificate, stranger.key_pem()), "device_ca_key"),
    ):
        with pytest.raises(OmegaError) as caught:
            read(tmp_path, *wrong)
        assert caught.value.field == field
    with pytest.raises(OmegaError, match="others cannot read"):
        read(tmp_path, certificate, key, 0o604)
    with pytest.raises(OmegaError, match="device_ca must be a readable file"):
        DeviceAuthority.read("device_ca", tmp_path / "absent", "device_ca_key", tmp_path / "no")


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "ä", "a" * 64, "a\n"])
def test_a_shard_is_named_by_one_label(name: str) -> None:
    assert check_shard("shard", "a" * 63) == "a" * 63
    with pytest.raises(OmegaError, match="shard must be"):
        check_shard("shard", name)


def test_a_local_server_is_trusted_under_its_names_only(tmp_path: Path) -> None:
    authority = local_authority.authority("servers", NOW, DAY)
    leaf = local_authority.server(authority, ["tv.example", "127.0.0.1"], NOW, DAY)
    certificate, key = files(tmp_path, leaf.certificate_pem(), leaf.key_pem())
    root = tmp_path / "root.pem"
    root.write_bytes(authority.certificate_pem())
    assert handshake(certificate, key, root, "tv.example")
    assert handshake(certificate, key, root, "127.0.0.1")
    assert not handshake(certificate, key, root, "other.example")
    with pytest.raises(OmegaError, match="names must be"):
        local_authority.server(authority, [], NOW, DAY)
    with pytest.raises(OmegaError, match="names must be"):
        local_authority.server(authority, ["ä.example"], NOW, DAY)


def handshake(certificate: Path, key: Path, root: Path, name: str) -> bool:
    """Whether a strict client of that name goes through with it, in memory."""
    trusting = ssl.create_default_context(cafile=str(root))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=name)
    server = serving.wrap_bio(up, down, server_side=True)
    for _ in range(8):
        done = 0
        for side in (client, server):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
        if done == 2:
            return True
    return False


def test_a_key_on_another_curve_signs_too(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "p384")])
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    found = read(tmp_path, root.public_bytes(serialization.Encoding.PEM), pem)
    made = found.sign(KEY.public.public, DEVICE, "s", NOW, DAY)
    x509.load_der_x509_certificate(made.chain[0]).verify_directly_issued_by(root)
