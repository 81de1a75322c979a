"""RegisterDevice with keys, claims and certificates, and the operators' calls, over a socket."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import AdminClient, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_core.errors import OmegaError
from omega_rpc import local_authority
from omega_rpc.authorities import read_certificate
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_store import Store, devices
from omega_testing.fleet import NOW, registered
from omega_testing.probe import running
from omega_testing.refusals import Refusal, refused

KEY, OTHER = DeviceKey.generate(), DeviceKey.generate()
ROOT = local_authority.authority("devices", datetime.now(UTC), timedelta(days=30))
HOUR = timedelta(hours=1)
Start = Callable[..., tuple[ConstellationClient, AdminClient]]


@pytest.fixture
def ca(tmp_path: Path) -> dict[str, Any]:
    """Settings of a device CA."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_bytes(ROOT.certificate_pem())
    key.write_bytes(ROOT.key_pem())
    key.chmod(0o600)
    return {"device_ca_certificate": certificate, "device_ca_key": key}


@pytest.fixture
def start(database_url: str) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(**settings: Any) -> tuple[ConstellationClient, AdminClient]:
            config = ConstellationConfig(database_url=database_url, **settings)
            application = build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))
            stack.callback(application.close)
            address = stack.enter_context(running(application.server))
            return (
                stack.enter_context(ConstellationClient(address)),
                stack.enter_context(AdminClient(address)),
            )

        yield begin


def request(key: DeviceKey | None = KEY, **changed: Any) -> pb.RegisterDeviceRequest:
    fields: dict[str, Any] = {"request_id": str(uuid.uuid4())}
    if key:
        fields["key_sha256"] = key.public.sha256
    return pb.RegisterDeviceRequest(**(fields | changed))


def test_a_request_id_belongs_to_the_key_that_showed_it_first(start: Start) -> None:
    client, _ = start()
    wanted = request()
    first = client.register_device(wanted)
    assert client.register_device(wanted) == first
    for key in (OTHER, None):
        changed = request(key, request_id=wanted.request_id)
        assert refused(partial(client.register_device, changed)) == Refusal(
            "PERMISSION_DENIED", "ENROLMENT_REFUSED", "dpop"
        )


def test_a_certificate_is_of_the_key_and_names_the_device_and_the_shard(
    start: Start, ca: dict[str, Any]
) -> None:
    client, _ = start(shard="north-1", device_certificate_hours=3, **ca)
    made = client.register_device(request(csr=KEY.csr()))
    said = read_certificate(made.certificates[0])
    assert (said.device_id, said.shard) == (made.device_id, "north-1")
    leaf, root = map(x509.load_der_x509_certificate, made.certificates)
    leaf.verify_directly_issued_by(root)
    assert root == ROOT.certificate
    assert leaf.public_key() == KEY.private.public_key()
    ends = made.certificate_expires_at.ToDatetime(UTC)
    assert ends == said.not_after
    assert abs(ends - datetime.now(UTC) - 3 * HOUR) < HOUR / 4


def test_a_repeated_registration_renews_the_certificate(start: Start, ca: dict[str, Any]) -> None:
    client, _ = start(**ca)
    wanted = request(csr=KEY.csr())
    first, second = client.register_device(wanted), client.register_device(wanted)
    assert first.device_id == second.device_id
    assert first.certificates[0] != second.certificates[0]


def test_without_a_request_or_an_authority_there_is_no_certificate(
    start: Start, ca: dict[str, Any]
) -> None:
    without, _ = start()
    assert not without.register_device(request(csr=KEY.csr())).certificates
    client, _ = start(**ca)
    made = client.register_device(request())
    assert not made.certificates
    assert not made.HasField("certificate_expires_at")


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("csr", {"csr": OTHER.csr()}),
        ("csr", {"csr": b"no request"}),
        ("csr", {"csr": bytes(2_049)}),
        ("csr", {"csr": KEY.csr(), "key_sha256": b""}),
        ("key_sha256", {"key_sha256": b"short"}),
        ("claim", {"claim": "c" * 65}),
        ("claim", {"claim": "no spaces"}),
    ],
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, changed: dict[str, Any]
) -> None:
    wrong = request(**changed)
    assert refused(lambda: shared_client.register_device(wrong)) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", field
    )


def test_a_claim_admits_one_device_whose_repeats_need_none(start: Start, store: Store) -> None:
    client, admin = start(require_claim=True)
    [claim] = admin.create_claims(1, HOUR)
    wanted = request(claim=claim)
    made = client.register_device(wanted)
    assert client.register_device(wanted).device_id == made.device_id
    again = request(request_id=wanted.request_id)
    assert client.register_device(again).device_id == made.device_id
    expected = Refusal("PERMISSION_DENIED", "ENROLMENT_REFUSED", "claim")
    for wrong in (request(claim=claim), request(), request(claim="c" * 43)):
        assert refused(partial(client.register_device, wrong)) == expected
    with store.statements() as conn:
        assert [d.device_id for d in devices.last_seen(conn, 10)] == [made.device_id]


def test_a_registration_that_fails_spends_no_claim(start: Start) -> None:
    client, admin = start(require_claim=True)
    [claim] = admin.create_claims(1, HOUR)
    assert refused(lambda: client.register_device(request(claim=claim, csr=b"none")))
    assert client.register_device(request(claim=claim)).device_id


def test_a_full_shard_registers_no_more_but_repeats(start: Start) -> None:
    client, admin = start(max_devices=2)
    wanted = [request() for _ in range(2)]
    made = [client.register_device(each) for each in wanted]
    for _ in range(2):
        assert refused(lambda: client.register_device(request())) == Refusal(
            "RESOURCE_EXHAUSTED", "SHARD_FULL", ""
        )
    assert [client.register_device(each) for each in wanted] == made
    admin.revoke_device(made[0].device_id)
    assert client.register_device(request()).device_id
    stats = admin.get_shard_stats()
    assert (stats.max_devices, stats.total_devices, stats.revoked_devices) == (2, 2, 1)


def test_a_revoked_device_is_shut_out_of_registration_and_pushes(start: Start) -> None:
    client, admin = start()
    wanted = request(region="FR")
    made = client.register_device(wanted)
    first = admin.revoke_device(made.device_id)
    assert admin.revoke_device(made.device_id) == first
    wanted.region = "DE"
    assert refused(lambda: client.register_device(wanted)) == Refusal(
        "PERMISSION_DENIED", "REVOKED", ""
    )
    sent = pb.DevicePush(
        device_id=made.device_id, request_id=str(uuid.uuid4()), model_version="encoder"
    )
    answer = client.ingest_patterns(pb.IngestPatternsRequest(pushes=[sent]))
    assert [r.outcome for r in answer.results] == [pb.PushOutcome.PUSH_OUTCOME_REVOKED_DEVICE]


def test_gateways_hear_of_revocations_with_their_certificates(
    start: Start, ca: dict[str, Any]
) -> None:
    client, admin = start(**ca)
    made = [client.register_device(request(csr=KEY.csr())) for _ in range(3)]
    before = client.get_heads(pb.GetHeadsRequest())
    assert (list(before.revocations), before.more_revocations) == ([], False)
    for each in made[:2]:
        admin.revoke_device(each.device_id)
    heads = client.get_heads(pb.GetHeadsRequest(revocations_after=before.revocations_cursor))
    assert [(r.device_id, list(r.serials)) for r in heads.revocations] == [
        (each.device_id, [read_certificate(each.certificates[0]).serial]) for each in made[:2]
    ]
    admin.revoke_device(made[2].device_id)
    after = client.get_heads(pb.GetHeadsRequest(revocations_after=heads.revocations_cursor))
    assert [r.device_id for r in after.revocations] == [made[2].device_id]


def test_more_revocations_than_fit_are_told_in_pieces(start: Start, store: Store) -> None:
    client, _ = start()
    ids = registered(store, 1_001)
    with store.transaction() as conn:
        for device_id in ids:
            devices.revoke(conn, device_id, NOW)
    heads = client.get_heads(pb.GetHeadsRequest())
    assert (len(heads.revocations), heads.more_revocations) == (1_000, True)
    rest = client.get_heads(pb.GetHeadsRequest(revocations_after=heads.revocations_cursor))
    assert ([r.device_id for r in rest.revocations], rest.more_revocations) == ([ids[-1]], False)


def test_operators_calls_are_held_to_their_bounds(start: Start) -> None:
    _, admin = start()
    for count, valid_for, field in (
        (0, HOUR, "count"),
        (1_001, HOUR, "count"),
        (1, timedelta(seconds=59), "valid_for"),
        (1, timedelta(days=367), "valid_for"),
    ):
        expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
        assert refused(partial(admin.create_claims, count, valid_for)) == expected
    assert refused(lambda: admin.revoke_device("tv-1")) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", "device_id"
    )
    assert refused(lambda: admin.revoke_device(f"tv-{'0' * 32}")) == Refusal(
        "NOT_FOUND", "UNKNOWN_DEVICE", "device_id"
    )
    assert len(admin.create_claims(1_000, timedelta(days=366))) == 1_000


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"shard": "Not a label"}, "shard"),
        ({"device_certificate_hours": 0}, "device_certificate_hours"),
        ({"device_certificate_hours": 8_761}, "device_certificate_hours"),
        ({"max_devices": 0}, "max_devices"),
        ({"max_devices": 100_000_001}, "max_devices"),
        ({"retention_days": -1}, "retention_days"),
        ({"retention_days": 36_501}, "retention_days"),
        ({"most_waiting_mb": 0}, "most_waiting_mb"),
        ({"device_ca_key": Path("/absent")}, "device_ca_key"),
    ],
)
def test_a_setting_out_of_bounds_is_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        ConstellationConfig(database_url="postgresql://", **settings)
    assert caught.value.field == field
