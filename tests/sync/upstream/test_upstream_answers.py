from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.directory import derived_device_id
from omega_rpc.device_keys import DeviceKey
from omega_rpc.tokens import TokenKeys
from omega_testing.probe import await_health
from omega_testing.stand_in import CATALOGUE_KIND, DEVICE, REGISTERED, StandIn

Tv = sync_service_pb2_grpc.SyncServiceStub
Bearer = dict[str, Any]
Ask = Callable[[Tv, Bearer], object]
Push = Callable[[int], pb.SyncRequest]
WANTED = pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4)


def refusal(ask: Ask, tv: Tv, bearer: Bearer) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        ask(tv, bearer)
    return caught.value


def test_health_follows_the_constellations(upstream: StandIn, channel: grpc.Channel) -> None:
    await_health(channel, serving=True, service="omega.sync.v1.SyncService")
    upstream.ready.clear()
    await_health(channel, serving=False, service="omega.sync.v1.SyncService")
    upstream.ready.set()
    await_health(channel, serving=True)


def test_a_registration_answers_the_stored_identity(
    upstream: StandIn, tv: Tv, keys: TokenKeys, key: DeviceKey
) -> None:
    request = pb.RegisterDeviceRequest(
        request_id=str(uuid.uuid4()), platform="linux", claim="a-claim", csr=key.csr()
    )
    answer = tv.RegisterDevice(request, timeout=20)
    assert (answer.device_id, answer.registered_at) == (DEVICE, REGISTERED)
    claims = keys.check(answer.auth_token, datetime.now(UTC))
    assert (claims.device_id, claims.shard) == (DEVICE, "local")
    assert claims.thumbprint == key.public.thumbprint
    assert claims.expires_at == answer.token_expires_at.ToDatetime(UTC)
    assert claims.expires_at - claims.issued_at == timedelta(hours=168)
    assert upstream.asked == [
        upstream_pb.RegisterDeviceRequest(
            request_id=request.request_id,
            platform="linux",
            key_sha256=key.public.sha256,
            claim="a-claim",
            csr=request.csr,
            device_id=derived_device_id(request.request_id),
        )
    ]


def test_an_exchange_stores_first_and_then_asks_for_news(
    upstream: StandIn, tv: Tv, bearer: Bearer, push: Push
) -> None:
    request = push(2)
    request.state_version = 8
    request.sigma_hundredths = 600
    request.held.add(kind=CATALOGUE_KIND, version=3)
    answer = tv.Sync(request, **bearer)
    assert upstream.asked == [
        upstream_pb.IngestPatternsRequest(
            pushes=[
                upstream_pb.DevicePush(
                    device_id=DEVICE,
                    request_id=request.request_id,
                    model_version="encoder-1",
                    sketches=bytes(96),
                    classes=bytes(2),
                    sigma_hundredths=600,
                )
            ]
        ),
        upstream_pb.GetGlobalStateRequest(state_version=8, wanted_version=9),
    ]
    assert (answer.accepted_sketches, answer.duplicate) == (2, False)
    assert (answer.state_version, answer.delta) == (9, b"delta")
    assert answer.compression == resource_pb2.Compression.COMPRESSION_ZSTD
    assert [resource.version for resource in answer.resources] == [4]


def test_an_exchange_without_sketches_says_that_the_device_called(
    upstream: StandIn, tv: Tv, bearer: Bearer, push: Push
) -> None:
    answer = tv.Sync(push(0), **bearer)
    stored, asked = upstream.asked
    assert (stored.pushes[0].device_id, stored.pushes[0].sketches) == (DEVICE, b"")
    assert asked == upstream_pb.GetGlobalStateRequest(wanted_version=9)
    assert (answer.accepted_sketches, answer.duplicate, answer.state_version) == (0, False, 9)


def test_a_repeated_push_is_said_to_be_one(
    upstream: StandIn, tv: Tv, bearer: Bearer, push: Push
) -> None:
    upstream.outcome = upstream_pb.PushOutcome.PUSH_OUTCOME_DUPLICATE
    answer = tv.Sync(push(3), **bearer)
    assert (answer.accepted_sketches, answer.duplicate) == (3, True)


def test_a_push_of_an_unknown_device_is_unauthenticated_and_brings_no_news(
    upstream: StandIn, tv: Tv, bearer: Bearer, push: Push
) -> None:
    upstream.outcome = upstream_pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE
    error = refusal(lambda tv, bearer: tv.Sync(push(1), **bearer), tv, bearer)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert [type(request) for request in upstream.asked] == [upstream_pb.IngestPatternsRequest]


def test_an_erasure_names_the_device_of_the_token(
    upstream: StandIn, tv: Tv, bearer: Bearer
) -> None:
    answer = tv.EraseDevice(pb.EraseDeviceRequest(), **bearer)
    assert answer == pb.EraseDeviceResponse(pushes=3)
    assert upstream.asked == [upstream_pb.EraseDeviceRequest(device_id=DEVICE)]


@pytest.mark.parametrize(
    ("stated", "least", "most"),
    [(600, 300, 900), (1, 1, 1.5), (0, 1, 1), (86_400, 43_200, 86_400), (10**6, 86_400, 86_400)],
)
def test_the_retry_time_gets_a_jitter_and_stays_in_bounds(
    upstream: StandIn,
    tv: Tv,
    bearer: Bearer,
    push: Push,
    stated: int,
    least: float,
    most: float,
) -> None:
    upstream.retry_after = Duration(seconds=stated)
    upstream.await_poll()
    waits = {
        tv.Sync(push(0), **bearer).retry_after.ToTimedelta().total_seconds() for _ in range(40)
    }
    assert least <= min(waits) <= max(waits) <= most
    assert (len(waits) > 1) == (least < most)
