"""A gateway before a stand-in of the constellation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_rpc.server import Server
from omega_rpc.service import Application
from omega_rpc.tokens import TokenClaims, TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import running
from omega_testing.site import Proving
from omega_testing.stand_in import CATALOGUE_KIND, DEVICE, StandIn

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
Push = Callable[[int], pb.SyncRequest]
Serve = Callable[..., tuple[grpc.Channel, Application]]


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def upstream() -> StandIn:
    stand_in = StandIn()  # type: ignore[abstract]  # operators' methods stay unimplemented
    stand_in.ready.set()
    return stand_in


@pytest.fixture
def key() -> DeviceKey:
    """Of the stand-in's device."""
    return DeviceKey.generate()


@pytest.fixture
def prover(keys: TokenKeys, key: DeviceKey) -> Prover:
    """The same, with its token."""
    now = datetime.now(UTC)
    claims = TokenClaims(DEVICE, "local", key.public.thumbprint, now, now + timedelta(hours=1))
    return Prover(key, keys.issue(claims))


@pytest.fixture
def target(upstream: StandIn, resources: ExitStack) -> str:
    """Address of the stand-in."""
    server = Server(LOCAL, [upstream.binding()], readiness=upstream.ready.is_set)
    return resources.enter_context(running(server))


@pytest.fixture
def config(target: str, key_file: Path) -> SyncConfig:
    """Settings of the gateway."""
    return SyncConfig(
        token_keys=key_file,
        constellation_target=target,
        max_resource_streams=1,
        poll_seconds=0.05,
        device_syncs_per_minute=1e6,
        device_sync_burst=1_000_000,
        stream_spread_seconds=0.1,
    )


@pytest.fixture
def serve(resources: ExitStack, prover: Prover) -> Serve:
    """serve(config, grace) -> a channel on which a device calls a gateway, and the gateway."""

    def begin(config: SyncConfig, grace: float = 0) -> tuple[grpc.Channel, Application]:
        gateway = build(config, replace(LOCAL, grace_seconds=grace))
        resources.callback(gateway.close)
        address = resources.enter_context(running(gateway.server))
        channel = resources.enter_context(connect(address, retries=False))
        return grpc.intercept_channel(channel, Proving(prover)), gateway

    return begin


@pytest.fixture
def channel(serve: Serve, config: SyncConfig) -> grpc.Channel:
    """A channel to a gateway before the stand-in."""
    return serve(config)[0]


@pytest.fixture
def tv(channel: grpc.Channel) -> sync_service_pb2_grpc.SyncServiceStub:
    return sync_service_pb2_grpc.SyncServiceStub(channel)


@pytest.fixture
def bearer() -> dict[str, Any]:
    """Keyword arguments of a call; the channel shows who makes it."""
    return {"timeout": 20, "metadata": (("x-request-id", "from-the-tv"),)}


@pytest.fixture
def push() -> Push:
    """push(sketches) -> a request."""
    return lambda sketches: pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version="encoder-1",
        sketches=bytes(48 * sketches),
        classes=bytes(sketches),
    )


@pytest.fixture(
    params=[
        "RegisterDevice",
        "Sync",
        "Sync without sketches",
        "GetResource",
        "EraseDevice",
        "GetReportingKeys",
        "IssueTokens",
    ]
)
def ask(request: pytest.FixtureRequest, push: Push) -> Callable[..., object]:
    """ask(tv, bearer): each method in turn."""
    registration = pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
    wanted = pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4)
    tokens = pb.IssueTokensRequest(request_id=str(uuid.uuid4()), epoch=7, blinded=[bytes(32)])
    calls: dict[str, Callable[[sync_service_pb2_grpc.SyncServiceStub, Any], object]] = {
        "RegisterDevice": lambda tv, bearer: tv.RegisterDevice(registration, **bearer),
        "Sync": lambda tv, bearer: tv.Sync(push(1), **bearer),
        "Sync without sketches": lambda tv, bearer: tv.Sync(push(0), **bearer),
        "GetResource": lambda tv, bearer: list(tv.GetResource(wanted, **bearer)),
        "EraseDevice": lambda tv, bearer: tv.EraseDevice(pb.EraseDeviceRequest(), **bearer),
        "GetReportingKeys": lambda tv, bearer: tv.GetReportingKeys(
            pb.GetReportingKeysRequest(), **bearer
        ),
        "IssueTokens": lambda tv, bearer: tv.IssueTokens(tokens, **bearer),
    }
    return calls[request.param]
