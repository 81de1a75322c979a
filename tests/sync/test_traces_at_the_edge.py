"""A gateway decides by itself what is recorded, and what many TVs caused hangs together."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_client import SyncClient
from omega_core import spans
from omega_rpc.aio.gate import Gate
from omega_store import PushWriter, Store
from omega_store.push_writer import PushWriterConfig
from omega_sync.batches import Batches
from omega_testing.fleet import push, registered
from omega_testing.probe import eventually
from omega_testing.recording import context_of, recording
from omega_testing.site import enrolled

METHOD = "/omega.sync.v1.SyncService/Sync"
SPOOFED = {
    "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
    "tracestate": "who=tv-0123456789abcdef0123456789abcdef",
    "baggage": "who=tv-0123456789abcdef0123456789abcdef",
}


def served(gate: Gate, metadata: dict[str, str]) -> None:
    with gate.served(METHOD, metadata), spans.span("work"):
        pass


def test_no_tv_puts_its_calls_into_a_trace_of_its_choice() -> None:
    with recording() as recorded:
        served(Gate(), SPOOFED)
    work, call = recorded.all()
    assert context_of(call).trace_id == context_of(work).trace_id != int("ab" * 16, 16)
    assert call.parent is None
    (link,) = call.links
    assert (link.context.trace_id, link.context.span_id) == (
        int("ab" * 16, 16),
        int("cd" * 8, 16),
    )
    assert "tv-0123" not in call.to_json()


@pytest.mark.parametrize("flags", ["00", "01"])
@pytest.mark.parametrize(("sampler", "wanted"), [(ALWAYS_OFF, 0), (ALWAYS_ON, 2)])
def test_no_tv_decides_what_is_recorded(flags: str, sampler: object, wanted: int) -> None:
    asked = {"traceparent": SPOOFED["traceparent"][:-2] + flags}
    with recording(sampler) as recorded:  # type: ignore[arg-type]  # a Sampler of the SDK
        served(Gate(), asked)
    assert len(recorded.all()) == wanted


def test_a_gateway_that_trusts_goes_on_with_the_tvs_trace() -> None:
    with recording(ALWAYS_OFF) as recorded:
        served(Gate(trusts_traces=True), {"traceparent": SPOOFED["traceparent"]})
    call = recorded.named(METHOD.lstrip("/"))[0]
    assert context_of(call).trace_id == int("ab" * 16, 16)
    assert call.links == ()


def test_pushes_that_form_one_call_are_all_linked_to_it() -> None:
    async def ingest(request: pb.IngestPatternsRequest, _id: str) -> pb.IngestPatternsResponse:
        return pb.IngestPatternsResponse(results=[pb.PushResult() for _ in request.pushes])

    async def exchange(batches: Batches, number: int) -> None:
        with spans.span(f"exchange {number}"):
            await batches.push(pb.DevicePush(), 20)

    async def run() -> None:
        batches = Batches(ingest, 100)
        await asyncio.gather(*(exchange(batches, number) for number in range(5)))

    with recording() as recorded:
        asyncio.run(run())
    contexts = [context_of(recorded.named(f"exchange {n}")[0]) for n in range(5)]
    (batch,) = recorded.named("send batch")
    assert batch.parent == contexts[0]
    assert [link.context for link in batch.links] == contexts[1:]


def test_of_pushes_that_form_a_call_those_that_are_recorded_are_never_without_it() -> None:
    with recording(ALWAYS_OFF), spans.span("not recorded") as unrecorded:
        pass
    with recording() as recorded:
        with spans.span("recorded") as told:
            pass
        context, links = spans.together([unrecorded, told, told])
        with spans.span("work", context=context, links=links):
            pass
    (work,) = recorded.named("work")
    assert work.parent is not None
    assert work.parent.span_id == told.get_span_context().span_id
    assert work.links == ()


def test_pushes_that_share_a_commit_are_all_linked_to_it(store: Store) -> None:
    (device,) = registered(store, 1)

    with (
        recording() as recorded,
        PushWriter(store, PushWriterConfig(lanes=1)) as writer,
        holding(store, device),
    ):
        for number in range(5):
            with spans.span(f"push {number}"):
                writer.submit([push(device, seed=number)])
            # The first waits for the device, and the others for the first.
            eventually(lambda: writer._queued, number.__eq__)
    batches = recorded.named("commit batch")
    contexts = [context_of(recorded.named(f"push {n}")[0]) for n in range(5)]
    assert [batch.parent for batch in batches] == contexts[:2]
    assert [[link.context for link in batch.links] for batch in batches] == [[], contexts[2:]]
    # The operation of the database is below the batch, and says neither a value nor an id.
    operations = recorded.named("store pushes", SpanKind.CLIENT)
    assert {o.parent.span_id for o in operations if o.parent} == {
        context_of(batch).span_id for batch in batches
    }
    for operation in operations:
        assert operation.attributes == {
            "db.system.name": "postgresql",
            "omega.statement": "store pushes",
        }


@contextmanager
def holding(store: Store, device: str) -> Iterator[None]:
    """Holds a device's row, which its pushes wait for, while the block runs."""
    with store.transaction() as conn:
        conn.execute("SELECT FROM devices WHERE device_id = %s FOR UPDATE", (device,))
        yield


def test_an_exchange_is_one_trace_from_the_gateway_to_the_database(tv: SyncClient) -> None:
    device = enrolled(tv)
    request = sync_pb.SyncRequest(request_id=str(uuid.uuid4()), model_version="none")
    with recording() as recorded:
        tv.sync(request, credential=device.prover)
        eventually(lambda: recorded.named(METHOD.lstrip("/"), SpanKind.SERVER), bool)
    (call,) = recorded.named(METHOD.lstrip("/"), SpanKind.SERVER)
    trace = [s for s in recorded.all() if context_of(s).trace_id == context_of(call).trace_id]
    ingest = "omega.constellation.v1.ConstellationService/IngestPatterns"
    below = {
        span.name: next((s.name for s in trace if span.parent and context_of(s) == span.parent), "")
        for span in trace
        if span.kind is not SpanKind.SERVER or span.name == METHOD.lstrip("/")
    }
    assert (
        below.items()
        >= {
            METHOD.lstrip("/"): "",
            "send batch": METHOD.lstrip("/"),
            ingest: "send batch",
            "commit batch": ingest,
            "store pushes": "commit batch",
        }.items()
    )
