"""A gateway before a stand-in of the constellation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_rpc.tokens import TokenKeys
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.probe import running
from omega_testing.stand_in import CATALOGUE_KIND, DEVICE, REGISTERED, StandIn

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)
Push = Callable[[int], pb.SyncRequest]


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
def token(keys: TokenKeys) -> str:
    return keys.sign(DEVICE, REGISTERED.ToDatetime(UTC))


@pytest.fixture
def channel(upstream: StandIn, key_file: Path, resources: ExitStack) -> grpc.Channel:
    """A channel to a gateway before the stand-in."""
    server = Server(LOCAL, [upstream.binding()], readiness=upstream.ready.is_set)
    target = resources.enter_context(running(server))
    config = SyncConfig(token_keys=key_file, constellation_target=target, max_resource_streams=1)
    gateway = build(config, LOCAL)
    resources.callback(gateway.close)
    address = resources.enter_context(running(gateway.server))
    return resources.enter_context(connect(address, retries=False))


@pytest.fixture
def tv(channel: grpc.Channel) -> sync_service_pb2_grpc.SyncServiceStub:
    return sync_service_pb2_grpc.SyncServiceStub(channel)


@pytest.fixture
def bearer(token: str) -> dict[str, Any]:
    return {
        "timeout": 20,
        "metadata": (("authorization", f"Bearer {token}"), ("x-request-id", "from-the-tv")),
    }


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
    params=["RegisterDevice", "Sync", "Sync without sketches", "GetResource", "EraseDevice"]
)
def ask(request: pytest.FixtureRequest, push: Push) -> Callable[..., object]:
    """ask(tv, bearer): each method in turn."""
    registration = pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
    wanted = pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4)
    calls: dict[str, Callable[[sync_service_pb2_grpc.SyncServiceStub, Any], object]] = {
        "RegisterDevice": lambda tv, bearer: tv.RegisterDevice(registration, **bearer),
        "Sync": lambda tv, bearer: tv.Sync(push(1), **bearer),
        "Sync without sketches": lambda tv, bearer: tv.Sync(push(0), **bearer),
        "GetResource": lambda tv, bearer: list(tv.GetResource(wanted, **bearer)),
        "EraseDevice": lambda tv, bearer: tv.EraseDevice(pb.EraseDeviceRequest(), **bearer),
    }
    return calls[request.param]
