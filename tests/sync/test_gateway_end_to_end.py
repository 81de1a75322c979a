"""Every call of the contract and every status that it can return, down to Postgres and back."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as operator_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ConstellationClient, ServiceError, SyncClient
from omega_core.directory import derived_device_id
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto, decode_catalogue, decode_state_delta
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_rpc.tokens import TokenClaims, TokenKeys
from omega_store import (
    RoundResult,
    Store,
    devices,
    leadership,
    publish_round,
    pushes,
    rounds,
    states,
)
from omega_store.rounds import RoundFigures
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.fleet import MODEL, NOW, patterns, titles
from omega_testing.probe import eventually, running
from omega_testing.refusals import Refusal, refused
from omega_testing.site import enrolled

CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE
UNSPECIFIED = resource_pb2.ResourceKind.RESOURCE_KIND_UNSPECIFIED
UNAUTHENTICATED = Refusal("UNAUTHENTICATED", "UNAUTHENTICATED", "")
NO_TOKEN = UNAUTHENTICATED._replace(field="authorization")
KEY = DeviceKey.generate()


def registration(**changes: Any) -> pb.RegisterDeviceRequest:
    fields: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "platform": "t",
        "csr": KEY.csr(),
        **changes,
    }
    return pb.RegisterDeviceRequest(**fields)


def exchange(count: int = 2, **changes: Any) -> pb.SyncRequest:
    fields: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "model_version": MODEL,
        "sketches": os.urandom(48 * count),
        "classes": bytes(range(count)),
    }
    return pb.SyncRequest(**{**fields, **changes})


@pytest.fixture
def credential(tv: SyncClient) -> Prover:
    return enrolled(tv).prover


FORGER = TokenKeys("k", {"k": bytes(32)})


def of_nobody(keys: TokenKeys) -> str:
    """A token for KEY and a device that was never there."""
    now = datetime.now(UTC)
    device_id = f"tv-{uuid.uuid4().hex}"
    thumbprint = KEY.public.thumbprint
    return keys.issue(TokenClaims(device_id, "local", thumbprint, now, now + timedelta(hours=1)))


# RegisterDevice


def test_a_registration_is_stored_and_a_retry_gives_the_same(
    tv: SyncClient, shard: Store, keys: TokenKeys
) -> None:
    request = registration(platform="tizen-9", app_version="1.2.3", region="FR-75")
    made = tv.register_device(request)
    again = tv.register_device(request)
    assert (again.device_id, again.registered_at) == (made.device_id, made.registered_at)
    for answer in (made, again):
        claims = keys.check(answer.auth_token, datetime.now(UTC))
        assert (claims.device_id, claims.shard) == (made.device_id, "local")
        assert claims.thumbprint == KEY.public.thumbprint
    with shard.statements() as conn:
        stored = devices.get(conn, made.device_id)
    assert stored is not None
    assert (stored.platform, stored.app_version, stored.region) == ("tizen-9", "1.2.3", "FR-75")
    assert stored.registered_at == made.registered_at.ToDatetime(UTC)
    assert tv.register_device(registration()).device_id != made.device_id


@pytest.mark.parametrize(
    ("field", "value"),
    [("request_id", "1"), ("platform", "a b"), ("app_version", "x" * 65), ("region", "a.b")],
)
def test_a_registration_out_of_bounds_is_invalid(tv: SyncClient, field: str, value: str) -> None:
    request = registration(**{field: value})
    assert refused(lambda: tv.register_device(request)) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", field
    )


def test_where_the_operator_set_a_key_only_its_holders_enrol(
    target: str, operator: ConstellationClient, key_file: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "enrolment.key"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    config = SyncConfig(key_file, enrolment_key_file=secret, constellation_target=target)
    application = build(config, ServerConfig("127.0.0.1:0", grace_seconds=0))
    with ExitStack() as stack:
        stack.callback(application.close)
        address = stack.enter_context(running(application.server))
        tv = stack.enter_context(SyncClient(address))
        before = operator.get_cluster_status().total_devices
        for wrong in ("", "open sesam", "open sesame "):
            register = partial(tv.register_device, registration(enrolment_key=wrong))
            assert refused(register) == Refusal(
                "PERMISSION_DENIED", "ENROLMENT_REFUSED", "enrolment_key"
            )
        assert operator.get_cluster_status().total_devices == before
        credential = enrolled(tv, enrolment_key="open sesame").prover
        assert tv.sync(exchange(), credential=credential).accepted_sketches == 2


# Sync


def test_a_push_is_stored_once_however_often_it_is_sent(
    tv: SyncClient, operator: ConstellationClient, credential: Prover
) -> None:
    request = exchange(3)
    before = operator.get_cluster_status()
    first = tv.sync(request, credential=credential)
    assert (first.accepted_sketches, first.duplicate) == (3, False)
    assert 1 <= first.retry_after.seconds <= 86_400
    stored = operator.get_cluster_status()
    assert (stored.pushes, stored.sketches) == (before.pushes + 1, before.sketches + 3)
    replayed = tv.sync(request, credential=credential)
    other_content = exchange(5, request_id=request.request_id)
    altered = tv.sync(other_content, credential=credential)
    for repeated in (replayed, altered):
        assert (repeated.accepted_sketches, repeated.duplicate) == (3, True)
    after = operator.get_cluster_status()
    assert (after.pushes, after.sketches) == (stored.pushes, stored.sketches)


def test_the_noise_scale_of_a_push_is_stored_with_it(tv: SyncClient, shard: Store) -> None:
    """A TV that states none goes on working: its scale is not known."""
    made = enrolled(tv)
    for stated in (0, 500, 725, 6_400):
        request = exchange(2, sigma_hundredths=stated)
        assert tv.sync(request, credential=made.prover).accepted_sketches == 2
    with shard.snapshot() as conn:
        found = {
            piece.sigma_hundredths: len(piece.classes)
            for piece in pushes.iterate(conn, MODEL)
            if piece.device_id == made.device_id
        }
    assert found == {0: 2, 500: 2, 725: 2, 6_400: 2}


def test_two_devices_may_draw_the_same_request_id(tv: SyncClient) -> None:
    request = exchange()
    for _ in range(2):
        credential = enrolled(tv).prover
        assert not tv.sync(request, credential=credential).duplicate


@pytest.mark.parametrize("sketches", [0, 2])
def test_without_the_token_of_a_known_device_nothing_is_stored(
    tv: SyncClient, operator: ConstellationClient, keys: TokenKeys, sketches: int
) -> None:
    device = enrolled(tv)
    before = operator.get_cluster_status()
    for wrong in ("", device.token[:-1], device.token + "x", of_nobody(FORGER)):
        credential = Prover(device.key, wrong)
        assert refused(partial(tv.sync, exchange(sketches), credential=credential)) == NO_TOKEN
    stranger = Prover(KEY, of_nobody(keys))
    assert refused(lambda: tv.sync(exchange(sketches), credential=stranger)) == UNAUTHENTICATED
    assert operator.get_cluster_status().pushes == before.pushes


@pytest.mark.parametrize("sketches", [0, 2])
def test_a_revoked_device_is_shut_out(tv: SyncClient, shard: Store, sketches: int) -> None:
    made = enrolled(tv)
    tv.sync(exchange(), credential=made.prover)
    with shard.transaction() as conn:
        assert devices.revoke(conn, made.device_id, NOW)
    assert refused(lambda: tv.sync(exchange(sketches), credential=made.prover)) == Refusal(
        "PERMISSION_DENIED", "REVOKED", ""
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "not a uuid"}, "request_id"),
        ({"model_version": ""}, "model_version"),
        ({"sketches": bytes(95)}, "sketches"),
        ({"classes": b"\x00\x20"}, "classes"),
        ({"classes": b"\x00"}, "classes"),
        ({"sigma_hundredths": 49}, "sigma_hundredths"),
        ({"sigma_hundredths": 6_401}, "sigma_hundredths"),
        ({"state_version": 2**63}, "state_version"),
        ({"held": [resource_pb2.HeldResource()]}, "held[0].kind"),
    ],
)
def test_an_exchange_out_of_bounds_is_invalid_and_stores_nothing(
    tv: SyncClient,
    operator: ConstellationClient,
    credential: Prover,
    changes: dict[str, Any],
    field: str,
) -> None:
    before = operator.get_cluster_status()
    assert refused(lambda: tv.sync(exchange(**changes), credential=credential)) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", field
    )
    assert operator.get_cluster_status().pushes == before.pushes


def test_an_oversized_exchange_names_the_bound(tv: SyncClient, credential: Prover) -> None:
    with pytest.raises(ServiceError) as caught:
        tv.sync(exchange(20, model_version="m" * 64), credential=credential)
    assert (caught.value.field, caught.value.bound) == ("request", "at most 1,024 bytes serialised")


def test_a_message_of_5_mebibytes_is_refused_before_it_is_read(
    tv: SyncClient, credential: Prover
) -> None:
    request = exchange(0, model_version="m" * 5 * 1024 * 1024)
    assert refused(lambda: tv.sync(request, credential=credential)).status == "RESOURCE_EXHAUSTED"


def test_news_of_the_collective_state_come_once(
    tv: SyncClient, shard: Store, credential: Prover
) -> None:
    with leadership(shard) as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        publish_round(
            conn,
            RoundResult(
                round_id=begun.round_id,
                model_version=MODEL,
                state_version=states.current(conn).version + 1,
                changed=patterns(3),
                removed=(),
                factors_version=0,
                factors=b"",
                figures=RoundFigures(devices=5, sketches=50, supported_titles=7),
            ),
            NOW,
        )
    answer = eventually(
        lambda: tv.sync(exchange(0), credential=credential), lambda told: bool(told.delta)
    )
    delta = decode_state_delta(answer.delta)
    assert (delta.base_version, delta.version) == (0, answer.state_version)
    assert len(delta.patterns) == 3
    again = tv.sync(exchange(0, state_version=answer.state_version), credential=credential)
    assert (again.state_version, again.delta) == (answer.state_version, b"")


# EraseDevice


@pytest.mark.parametrize("sketches", [0, 2])
def test_an_erased_tv_is_unknown_until_it_registers_anew(
    tv: SyncClient, operator: ConstellationClient, sketches: int
) -> None:
    made = enrolled(tv)
    for _ in range(2):
        tv.sync(exchange(), credential=made.prover)
    before = operator.get_cluster_status()
    assert tv.erase_device(credential=made.prover).pushes == 2
    after = operator.get_cluster_status()
    assert after.total_devices == before.total_devices - 1
    assert (after.pushes, after.sketches) == (before.pushes - 2, before.sketches - 4)
    old = made.prover
    assert refused(lambda: tv.sync(exchange(sketches), credential=old)) == UNAUTHENTICATED
    # An answer that was lost is asked for again.
    assert tv.erase_device(credential=old).pushes == 0
    erased = made.device_id
    made.take(tv.register_device(made.registration(request_id=str(uuid.uuid4()))))
    assert made.device_id != erased
    assert tv.sync(exchange(sketches), credential=made.prover).accepted_sketches == sketches
    assert refused(lambda: tv.sync(exchange(sketches), credential=old)) == UNAUTHENTICATED


def test_an_identity_follows_from_the_request_that_asks_for_it(tv: SyncClient) -> None:
    """So that every gateway, and every shard, comes to the same; also after an erasure."""
    made = enrolled(tv)
    assert made.device_id == derived_device_id(made.request_id)
    tv.erase_device(credential=made.prover)
    made.take(tv.register_device(made.registration()))
    assert made.device_id == derived_device_id(made.request_id)


def test_a_device_that_never_was_gets_the_same_answer(tv: SyncClient, keys: TokenKeys) -> None:
    stranger = Prover(KEY, of_nobody(keys))
    assert tv.erase_device(credential=stranger) == pb.EraseDeviceResponse(pushes=0)


def test_without_a_valid_token_nobody_is_erased(
    tv: SyncClient, operator: ConstellationClient
) -> None:
    device = enrolled(tv)
    before = operator.get_cluster_status().total_devices
    for wrong in ("", device.token[:-1], device.token + "x", of_nobody(FORGER)):
        credential = Prover(device.key, wrong)
        assert refused(partial(tv.erase_device, credential=credential)) == NO_TOKEN
    assert operator.get_cluster_status().total_devices == before


def test_a_revoked_device_may_still_be_erased(tv: SyncClient, shard: Store) -> None:
    made = enrolled(tv)
    tv.sync(exchange(), credential=made.prover)
    with shard.transaction() as conn:
        assert devices.revoke(conn, made.device_id, NOW)
    assert tv.erase_device(credential=made.prover).pushes == 1


# GetResource


@pytest.fixture(scope="module")
def catalogue(operator: ConstellationClient) -> int:
    """Version of a published catalogue of several chunks."""
    request = operator_pb.UpsertContentsRequest(model_version=MODEL, publish=True)
    for title in titles(900):
        request.contents.add(
            content=content_to_proto(title.content), embedding=pack_f16(title.embedding)
        )
    return operator.upsert_contents(request).catalogue_version


def test_a_resource_is_announced_until_it_is_held_and_arrives_whole(
    tv: SyncClient, credential: Prover, catalogue: int
) -> None:
    answer = eventually(
        lambda: tv.sync(exchange(0), credential=credential),
        lambda told: any(info.version == catalogue for info in told.resources),
    )
    (info,) = answer.resources
    assert (info.kind, info.version) == (CATALOGUE, catalogue)
    body = tv.download(info, credential=credential)
    assert hashlib.sha256(body).digest() == info.sha256
    assert len(body) > 2 * 262_144
    assert len(decode_catalogue(body).contents) == 900
    held = [resource_pb2.HeldResource(kind=CATALOGUE, version=catalogue)]
    assert not tv.sync(exchange(0, held=held), credential=credential).resources


def test_a_body_goes_on_from_any_offset(tv: SyncClient, credential: Prover, catalogue: int) -> None:
    whole = b"".join(
        chunk.data for chunk in tv.get_resource(CATALOGUE, catalogue, credential=credential)
    )
    for offset in (1, 262_144, len(whole) - 1, len(whole)):
        chunks = tv.get_resource(CATALOGUE, catalogue, offset, credential=credential)
        assert b"".join(chunk.data for chunk in chunks) == whole[offset:]
    past = len(whole) + 1
    assert refused(
        lambda: list(tv.get_resource(CATALOGUE, catalogue, past, credential=credential))
    ) == Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "offset")


@pytest.mark.parametrize(
    ("kind", "later", "refusal"),
    [
        (CATALOGUE, 1, Refusal("NOT_FOUND", "UNKNOWN_RESOURCE", "")),
        (CATALOGUE, -1, Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "version")),
        (UNSPECIFIED, 0, Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "kind")),
    ],
)
def test_a_body_that_does_not_exist_is_refused(
    tv: SyncClient,
    credential: Prover,
    catalogue: int,
    kind: resource_pb2.ResourceKind.ValueType,
    later: int,
    refusal: Refusal,
) -> None:
    chunks = tv.get_resource(kind, catalogue + later, credential=credential)
    assert refused(lambda: list(chunks)) == refusal


def test_a_body_needs_a_token_too(tv: SyncClient, catalogue: int) -> None:
    device = enrolled(tv)
    for wrong in ("", device.token[:-1]):
        credential = Prover(device.key, wrong)
        chunks = tv.get_resource(CATALOGUE, catalogue, credential=credential)
        assert refused(partial(list, chunks)) == NO_TOKEN
