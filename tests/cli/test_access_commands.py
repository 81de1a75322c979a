"""`omega certs`, `omega claims` and `omega revoke` as an operator types them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.access import duration
from omega_cli.exits import Exit
from omega_cli.main import main
from omega_client import ClientTls, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_core.errors import OmegaError
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_testing.probe import running
from omega_testing.refusals import Refusal, refused

KEY = DeviceKey.generate()


def request(claim: str) -> pb.RegisterDeviceRequest:
    return pb.RegisterDeviceRequest(
        request_id=str(uuid.uuid4()), key_sha256=KEY.public.sha256, csr=KEY.csr(), claim=claim
    )


@pytest.fixture
def certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "pki" / "dev"
    assert main(["certs", str(folder), "--name", "127.0.0.1", "--name", "tv.example"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert sorted(map(Path, written)) == sorted(folder.iterdir())
    return folder


@pytest.fixture
def constellation(certificates: Path, database_url: str) -> Iterator[str]:
    """Address of one that asks for claims, signs devices and speaks TLS."""
    config = ConstellationConfig(
        database_url=database_url,
        require_claim=True,
        device_ca_certificate=certificates / "device-ca.pem",
        device_ca_key=certificates / "device-ca.key",
    )
    server = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=certificates / "server.pem",
        tls_key=certificates / "server.key",
        grace_seconds=0,
    )
    with ExitStack() as stack:
        application = build(config, server)
        stack.callback(application.close)
        yield stack.enter_context(running(application.server))


def test_certificates_are_made_for_the_stated_names_and_keys_are_secret(certificates: Path) -> None:
    found = {path.name: path for path in certificates.iterdir()}
    names = ("server-ca", "server", "device-ca")
    assert sorted(found) == sorted(f"{n}.{e}" for n in names for e in ("pem", "key"))
    signed = {n: x509.load_pem_x509_certificate(found[f"{n}.pem"].read_bytes()) for n in names}
    for name in names:
        assert found[f"{name}.key"].stat().st_mode & 0o777 == 0o600
        assert found[f"{name}.pem"].stat().st_mode & 0o777 == 0o644
        key = load_pem_private_key(found[f"{name}.key"].read_bytes(), None)
        assert key.public_key() == signed[name].public_key()
    signed["server"].verify_directly_issued_by(signed["server-ca"])
    alternative = signed["server"].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert alternative.value.get_values_for_type(x509.DNSName) == ["tv.example"]
    for name, days in (("server", 90), ("server-ca", 900), ("device-ca", 900)):
        left = signed[name].not_valid_after_utc - datetime.now(UTC)
        assert abs(left - timedelta(days=days)) < timedelta(hours=1)


def test_what_is_there_is_never_replaced(
    certificates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in certificates.iterdir()}
    (certificates / "server.key").unlink()
    assert main(["certs", str(certificates)]) == 1
    assert "server-ca.pem, which is never replaced" in capsys.readouterr().err
    del before["server.key"]
    assert {path.name: path.read_bytes() for path in certificates.iterdir()} == before


@pytest.mark.parametrize(
    "arguments", [["--name", "ä.example"], ["--valid-for", "1y"], ["--valid-for", "0d"]]
)
def test_an_option_of_no_use_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["certs", str(tmp_path / "pki"), *arguments]) == 1
    assert "must be" in capsys.readouterr().err
    assert not (tmp_path / "pki").exists()


def test_claims_admit_and_a_revoked_device_is_shut_out(
    constellation: str, certificates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = str(certificates / "server-ca.pem")
    reach = ["--constellation", constellation, "--tls-ca", ca]
    assert main(["claims", "--count", "3", "--valid-for", "2h", *reach]) == 0
    claims = capsys.readouterr().out.split()
    assert len(set(claims)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", claim) for claim in claims)
    with ConstellationClient(constellation, tls=ClientTls(Path(ca))) as client:
        wanted = request(claim=claims[0])
        made = client.register_device(wanted)
        assert len(made.certificates) == 2
        assert main(["revoke", made.device_id, *reach]) == 0
        assert capsys.readouterr().out.startswith(f"{made.device_id} was shut out at 20")
        assert refused(lambda: client.register_device(wanted)) == Refusal(
            "PERMISSION_DENIED", "REVOKED", ""
        )


@pytest.mark.parametrize(
    ("command", "said", "code"),
    [
        (["claims", "--count", "0"], "count must be between 1 and 1,000", Exit.FAILED),
        (["claims", "--valid-for", "400d"], "valid_for must be 1 minute to 366 days", Exit.FAILED),
        (["claims", "--valid-for", "soon"], "--valid-for must be a number of minutes", Exit.FAILED),
        (["revoke", "tv-1"], "device_id must be", Exit.FAILED),
        (["revoke", f"tv-{'0' * 32}"], "device_id must name a registered device", Exit.NOT_FOUND),
    ],
)
def test_what_is_refused_is_said(
    constellation: str,
    certificates: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    said: str,
    code: Exit,
) -> None:
    reach = ["--constellation", constellation, "--tls-ca", str(certificates / "server-ca.pem")]
    assert main([*command, *reach]) == code
    assert said in capsys.readouterr().err


def test_a_duration_is_a_number_with_a_unit() -> None:
    assert duration("x", "90m") == timedelta(minutes=90)
    assert duration("x", "12h") == timedelta(hours=12)
    assert duration("x", "30d") == timedelta(days=30)
    for wrong in ("", "30", "d", "-1d", "1.5h", "30s", "30d ", "1000000d"):
        with pytest.raises(OmegaError, match="x must be a number"):
            duration("x", wrong)
