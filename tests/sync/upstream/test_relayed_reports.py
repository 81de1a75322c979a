"""What relays hand on goes to the constellation and back, and leaves nothing behind at the door."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2 as relay_pb
from omega_client import GatewayClient
from omega_client.errors import service_error
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc.config import ServerConfig
from omega_sync import metering
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import eventually, running
from omega_testing.recording import counting, recording
from omega_testing.refusals import Refusal, refused
from omega_testing.stand_in import StandIn

Begin = Callable[..., GatewayClient]
Tv = sync_service_pb2_grpc.SyncServiceStub
MESSAGE = bytes(range(55))


@pytest.fixture
def begin(config: SyncConfig, resources: ExitStack, tmp_path: Path) -> Begin:
    """begin(**settings of the gateway) -> a relay's client of it."""

    def one(**changed: Any) -> GatewayClient:
        settings = replace(config, audit_log=tmp_path / "audit", **changed)
        gateway = build(settings, ServerConfig("127.0.0.1:0", grace_seconds=0))
        resources.callback(gateway.close)
        address = resources.enter_context(running(gateway.server))
        return resources.enter_context(GatewayClient(address))

    return one


@pytest.fixture
def gateway(begin: Begin) -> GatewayClient:
    return begin()


def test_bytes_go_on_and_come_back(gateway: GatewayClient, upstream: StandIn) -> None:
    for message in (MESSAGE, bytes(8_192)):
        assert gateway.handle(message).encapsulated == message[::-1]
    assert gateway.get_reporting_keys().keys.epochs[0].epoch == 7
    assert [type(request).__name__ for request in upstream.asked] == [
        "HandleRequest",
        "HandleRequest",
        "GatewayServiceGetReportingKeysRequest",
    ]


@pytest.mark.parametrize("length", [0, 54, 8_193])
def test_what_is_out_of_bounds_stays_here(
    gateway: GatewayClient, upstream: StandIn, length: int
) -> None:
    assert refused(lambda: gateway.handle(bytes(length))) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", "encapsulated"
    )
    assert upstream.asked == []


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.INVALID_FIELD,
        ErrorCode.REPORTS_NOT_TAKEN,
        ErrorCode.OVERLOADED,
        ErrorCode.STORAGE_FULL,
        ErrorCode.STORAGE_UNAVAILABLE,
        ErrorCode.UPSTREAM_UNAVAILABLE,
    ],
)
@pytest.mark.parametrize("method", ["handle", "get_reporting_keys"])
def test_what_the_constellation_refuses_is_said(
    gateway: GatewayClient, upstream: StandIn, code: ErrorCode, method: str
) -> None:
    call = (lambda: gateway.handle(MESSAGE)) if method == "handle" else gateway.get_reporting_keys
    call()
    upstream.failure = OmegaError(code, field="encapsulated")
    assert refused(call) == Refusal(CATALOGUE[code].status, code, "encapsulated")


def test_without_a_constellation_relays_are_told(begin: Begin) -> None:
    alone = begin(constellation_target="127.0.0.1:1")
    for call in (lambda: alone.handle(MESSAGE), alone.get_reporting_keys):
        assert refused(call).status == "UNAVAILABLE"


def test_a_relay_has_a_rate_of_its_own(begin: Begin) -> None:
    """It is one network, with the reports of all TVs; and no TV pays for it."""
    gateway = begin(
        relay_calls_per_minute=0.001,
        relay_call_burst=2,
        network_calls_per_minute=0.001,
        network_call_burst=1,
    )
    with counting(metering) as counted:
        for _ in range(2):
            gateway.handle(MESSAGE)
        limited = Refusal("RESOURCE_EXHAUSTED", "RATE_LIMITED", "network")
        assert refused(lambda: gateway.handle(MESSAGE)) == limited
        assert refused(gateway.get_reporting_keys) == limited
        seen = counted()
    assert seen == {("omega.gateway.refused", frozenset({("omega.reason", "RATE_LIMITED")})): 2}
    # The one call that all others of this network may make is still to be had.
    assert refused(lambda: _device_call(gateway)).reason == "UNAUTHENTICATED"
    assert refused(lambda: _device_call(gateway)).reason == "RATE_LIMITED"


def _device_call(gateway: GatewayClient) -> object:
    stub = sync_service_pb2_grpc.SyncServiceStub(gateway._channel)
    try:
        return stub.EraseDevice(pb.EraseDeviceRequest(), timeout=20)
    except grpc.RpcError as error:
        raise service_error(error) from error


def test_a_report_leaves_a_count_and_nothing_else(
    begin: Begin, upstream: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = begin()
    shown = (
        ("x-request-id", "the-relays-own"),
        ("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"),
        ("authorization", "DPoP tv-42"),
    )
    with recording() as recorded, caplog.at_level(logging.DEBUG):
        caplog.clear()
        handle = gateway._stub.Handle
        handle(relay_pb.HandleRequest(encapsulated=MESSAGE), metadata=shown, timeout=20)
        refused(lambda: gateway.handle(bytes(1)))
        refused(lambda: _device_call(gateway))
        eventually(recorded.all, lambda spans: any("EraseDevice" in s.name for s in spans))
        spans = [span.name for span in recorded.all()]
    assert [name for name in spans if "threshold" in name or "Handle" in name] == []
    (metadata,) = upstream.metadata
    assert set(metadata) <= {"user-agent"}
    assert "the-relays-own" not in upstream.request_ids
    lines = [record.getMessage() for record in caplog.records]
    assert any("EraseDevice" in line for line in lines)
    assert [line for line in lines if "Gateway" in line or "relays-own" in line] == []
    audit = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert [line["method"] for line in audit] == ["EraseDevice"]


def test_bytes_that_hide_in_fields_of_other_contracts_stay_here(
    gateway: GatewayClient, upstream: StandIn
) -> None:
    request = relay_pb.HandleRequest(encapsulated=MESSAGE)
    smuggled = relay_pb.HandleRequest.FromString(request.SerializeToString() + b"\x52\x05tv-42")
    gateway._stub.Handle(smuggled, timeout=20)
    (seen,) = upstream.asked
    assert seen.SerializeToString() == request.SerializeToString()


def test_a_device_that_no_shard_knows_registers_again(
    upstream: StandIn, tv: Tv, bearer: dict[str, Any]
) -> None:
    request = pb.IssueTokensRequest(
        request_id=str(uuid.uuid4()), epoch=7, blinded=[bytes(32)] * 128
    )
    assert request.ByteSize() < 4_500
    answer = tv.IssueTokens(request, **bearer)
    assert (list(answer.evaluated), answer.left) == (list(request.blinded), 5)
    (asked,) = upstream.asked
    assert (asked.request_id, asked.epoch) == (request.request_id, 7)
    upstream.failure = OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")
    with pytest.raises(grpc.RpcError) as caught:
        tv.IssueTokens(request, **bearer)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_device_asks_for_tokens_as_often_as_it_may_exchange(
    serve: Callable[..., Any], config: SyncConfig, bearer: dict[str, Any]
) -> None:
    channel, _ = serve(replace(config, device_syncs_per_minute=0.001, device_sync_burst=1))
    tv = sync_service_pb2_grpc.SyncServiceStub(channel)
    request = pb.IssueTokensRequest(request_id=str(uuid.uuid4()), epoch=7, blinded=[bytes(32)])
    tv.IssueTokens(request, **bearer)
    with pytest.raises(grpc.RpcError) as caught:
        tv.IssueTokens(request, **bearer)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
