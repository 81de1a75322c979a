"""What a gateway counts of calls that it let in, and of those that it did not."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import grpc
import pytest
from opentelemetry.trace import SpanKind

from omega.sync.v1 import sync_service_pb2 as pb
from omega_sync import metering
from omega_testing.probe import eventually
from omega_testing.recording import context_of, counting, recording
from omega_testing.site import Site


def test_exchanges_are_counted_by_outcome_and_refusals_by_reason(site: Site) -> None:
    device, stub = site.device(), site.dial()
    request = pb.SyncRequest(request_id=str(uuid.uuid4()), model_version="none")
    with counting(metering) as counted:
        stub.Sync(request, **device.call("Sync"))
        with pytest.raises(grpc.RpcError):
            stub.Sync(request, timeout=20)
        with pytest.raises(grpc.RpcError):
            stub.Sync(pb.SyncRequest(request_id="x"), **device.call("Sync"))
        seen = counted()
    assert seen == {
        ("omega.gateway.exchanges", frozenset({("omega.outcome", "ok")})): 1,
        ("omega.gateway.exchanges", frozenset({("omega.outcome", "INVALID_FIELD")})): 1,
        ("omega.gateway.refused", frozenset({("omega.reason", "UNAUTHENTICATED")})): 1,
        ("omega.gateway.batch.size", frozenset()): 1,
    }


def test_open_streams_are_counted_while_they_are_open(site: Site) -> None:
    device, stub = site.device(), site.dial()
    says_no_more = threading.Event()

    def said() -> Iterator[pb.StreamSyncRequest]:
        request = pb.SyncRequest(request_id=str(uuid.uuid4()), model_version="none")
        yield pb.StreamSyncRequest(exchange=request)
        says_no_more.wait(20)

    streams = ("omega.gateway.streams", frozenset[tuple[str, object]]())
    exchanges = ("omega.gateway.exchanges", frozenset({("omega.outcome", "ok")}))
    with counting(metering) as counted, recording() as recorded:
        call = stub.StreamSync(said(), **device.call("StreamSync"))
        assert next(call).HasField("answer")
        assert (counted()[streams], counted()[exchanges]) == (1, 1)
        says_no_more.set()
        assert list(call) == []
        eventually(
            lambda: recorded.named("omega.sync.v1.SyncService/StreamSync"), lambda s: len(s) > 1
        )
        assert counted()[streams] == 0
    # A stream may last a day: each exchange has a trace of its own, linked to the stream's.
    (exchange,) = recorded.named("exchange")
    (stream,) = recorded.named("omega.sync.v1.SyncService/StreamSync", SpanKind.SERVER)
    assert exchange.parent is None
    assert [link.context for link in exchange.links] == [context_of(stream)]
