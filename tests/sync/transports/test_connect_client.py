"""The client of the Connect protocol, over each version of HTTP."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest
from opentelemetry.trace import SpanKind
from tests.sync.transports.conftest import Place

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ClientTls, ServiceError
from omega_client.connect import SyncConnectClient, Version
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.dpop import Prover
from omega_testing.probe import eventually
from omega_testing.processes import free_port
from omega_testing.recording import context_of, recording
from omega_testing.stand_in import CATALOGUE_KIND, DEVICE, StandIn

LENGTH = 3 * limits.MAX_CHUNK
VERSIONS: dict[Version, str] = {"1.1": "http_listen", "2": "http_listen", "3": "quic_listen"}


@pytest.fixture(params=VERSIONS)
def tv(request: pytest.FixtureRequest, place: Place) -> Iterator[SyncConnectClient]:
    url = f"https://{place.at(VERSIONS[request.param])}/"
    with SyncConnectClient(url, version=request.param, tls=ClientTls(place.ca)) as client:
        yield client


@pytest.fixture
def prover(place: Place) -> Prover:
    return Prover(place.key, place.token, place.clock)


def ids() -> dict[str, str]:
    return {"request_id": str(uuid.uuid4()), "model_version": "encoder-1"}


def test_a_device_registers_exchanges_and_is_forgotten(
    tv: SyncConnectClient, place: Place, prover: Prover, upstream: StandIn
) -> None:
    registration = pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
    unnamed = Prover(place.key, clock=place.clock)
    assert tv.register_device(registration, credential=unnamed).device_id == DEVICE
    push = pb.SyncRequest(**ids(), sketches=bytes(48), classes=bytes(1))  # type: ignore[arg-type]  # fields by name
    assert tv.sync(push, credential=prover).accepted_sketches == 1
    alone = pb.PushPatternsRequest(**ids(), sketches=bytes(96), classes=bytes(2))  # type: ignore[arg-type]  # the same
    assert tv.push_patterns(alone, credential=prover).accepted_sketches == 2
    pull = pb.PullPatternsRequest(state_version=8)
    assert tv.pull_patterns(pull, credential=prover).state_version == 9
    assert tv.erase_device(credential=prover).pushes == 3
    assert upstream.asked


def test_a_body_arrives_whole_and_goes_on_where_it_stopped(
    tv: SyncConnectClient, prover: Prover, upstream: StandIn
) -> None:
    del upstream
    info = resource_pb2.ResourceInfo(
        kind=CATALOGUE_KIND,
        version=77,
        size_bytes=LENGTH,
        sha256=hashlib.sha256(bytes(LENGTH)).digest(),
    )
    assert tv.download(info, credential=prover) == bytes(LENGTH)
    held = bytearray(limits.MAX_CHUNK + 9)
    assert tv.download(info, credential=prover, into=held) == bytes(LENGTH)
    chunks = list(tv.get_resource(CATALOGUE_KIND, 77, LENGTH - 1, credential=prover))
    assert [chunk.offset for chunk in chunks] == [LENGTH - 1]


def test_a_call_is_told_on_both_sides_and_the_gateways_trace_is_linked_to_the_tvs(
    tv: SyncConnectClient, prover: Prover, upstream: StandIn
) -> None:
    del upstream
    push = pb.SyncRequest(**ids(), sketches=bytes(48), classes=bytes(1))  # type: ignore[arg-type]  # fields by name
    method = "omega.sync.v1.SyncService/Sync"
    with recording() as recorded:
        tv.sync(push, credential=prover)
        eventually(lambda: recorded.named(method), lambda found: len(found) == 2)
    (called,) = recorded.named(method, SpanKind.CLIENT)
    (served,) = recorded.named(method, SpanKind.SERVER)
    told = {
        "rpc.system.name": "connect",
        "rpc.method": method,
        "rpc.response.status_code": "OK",
    }
    assert called.attributes == served.attributes == told
    assert served.parent is None
    assert [link.context.span_id for link in served.links] == [context_of(called).span_id]


def test_a_refusal_is_told_in_the_terms_of_the_catalogue(
    tv: SyncConnectClient, prover: Prover, upstream: StandIn
) -> None:
    upstream.failure = OmegaError(ErrorCode.OVERLOADED, retry_after=3.0)
    with pytest.raises(ServiceError) as caught:
        tv.erase_device(credential=prover)
    error = caught.value
    assert (error.status, error.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert (error.retry_after, bool(error.request_id)) == (3.0, True)
    with pytest.raises(ServiceError) as caught:
        list(tv.get_resource(CATALOGUE_KIND, 78, credential=prover))
    assert caught.value.reason == "OVERLOADED"


@pytest.mark.parametrize("version", VERSIONS)
def test_where_nobody_listens_the_service_is_unavailable(place: Place, version: Version) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    trust = ClientTls(place.ca)
    with (
        SyncConnectClient(url, version=version, timeout=2, tls=trust) as tv,
        pytest.raises(ServiceError) as caught,
    ):
        tv.erase_device()
    assert caught.value.status in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


@pytest.mark.parametrize(
    ("url", "version", "timeout", "field"),
    [
        ("localhost:1", "2", None, "url"),
        ("http://localhost:1", "3", None, "url"),
        ("https://localhost:1", "2", 0.0, "timeout"),
    ],
)
def test_arguments_of_no_use_are_named(
    url: str, version: Version, timeout: float | None, field: str
) -> None:
    with pytest.raises(OmegaError) as caught:
        SyncConnectClient(url, version=version, timeout=timeout)
    assert caught.value.field == field
