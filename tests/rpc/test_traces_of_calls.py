"""Calls between threads, event loops and processes belong to one trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.aio.channel import connect
from omega_rpc.aio.loop import run
from omega_rpc.logs import JsonFormatter
from omega_testing import probe
from omega_testing.probe import ProbeClient, await_health
from omega_testing.recording import context_of, recording

UNARY, STREAM = probe.UNARY.lstrip("/"), probe.SERVER_STREAM.lstrip("/")


def test_a_call_is_a_span_of_the_caller_with_one_of_the_server_below(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    client = ProbeClient(dial(serve()))
    with recording() as recorded:
        with spans.span("outside"):
            client.unary(b"", timeout=20)
            list(client.server_stream(b"", timeout=20))
        await_spans(recorded.all, 5)
    (outside,) = recorded.named("outside")
    for name in (UNARY, STREAM):
        (called,) = recorded.named(name, SpanKind.CLIENT)
        (served,) = recorded.named(name, SpanKind.SERVER)
        assert called.parent is not None
        assert served.parent is not None
        assert called.parent.span_id == context_of(outside).span_id
        assert served.parent.span_id == context_of(called).span_id
        assert context_of(served).trace_id == context_of(outside).trace_id
        assert served.attributes == {
            "rpc.system.name": "grpc",
            "rpc.method": name,
            "rpc.response.status_code": "OK",
        }


def test_the_same_from_an_event_loop(serve: Callable[..., str]) -> None:
    address = serve()

    async def call() -> None:
        async with connect(address, None) as channel:
            with spans.span("outside"):
                unary: Any = channel.unary_unary(probe.UNARY)
                assert await unary(b"") == b""
                stream: Any = channel.unary_stream(probe.SERVER_STREAM)
                assert [answer async for answer in stream(b"")] == [b""] * 3
                sending: Any = channel.stream_unary(probe.CLIENT_STREAM)
                assert await sending([b"a", b"b"]) == b"ab"
                talking: Any = channel.stream_stream(probe.BIDI_STREAM)
                assert [answer async for answer in talking([b"a", b"b"])] == [b"a", b"b"]

    with recording() as recorded:
        run(call())
        await_spans(recorded.all, 9)
    (outside,) = recorded.named("outside")
    for name in (UNARY, STREAM, *(m.lstrip("/") for m in (probe.CLIENT_STREAM, probe.BIDI_STREAM))):
        (called,) = recorded.named(name, SpanKind.CLIENT)
        (served,) = recorded.named(name, SpanKind.SERVER)
        assert called.parent == context_of(outside)
        assert served.parent is not None
        assert served.parent.span_id == context_of(called).span_id


def test_of_an_error_its_name_is_told_and_not_its_text(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    def refuse(request: bytes) -> bytes:
        with spans.span("work"):
            if request:
                raise ValueError("tv-0123456789abcdef0123456789abcdef")
            raise OmegaError(ErrorCode.REVOKED, detail="tv-0123456789abcdef0123456789abcdef")

    client = ProbeClient(dial(serve(refuse)))
    with recording() as recorded:
        for request in (b"", b"defect"):
            with pytest.raises(grpc.RpcError):
                client.unary(request, timeout=20)
        await_spans(recorded.all, 6)
    refused, broken = recorded.named(UNARY, SpanKind.SERVER)
    # That somebody is refused rightly is no fault of the server, but one of the call.
    assert (refused.status.status_code, broken.status.status_code) == (
        StatusCode.UNSET,
        StatusCode.ERROR,
    )
    assert {s.status.status_code for s in recorded.named(UNARY, SpanKind.CLIENT)} == {
        StatusCode.ERROR
    }
    told = [dict(s.attributes or {})["error.type"] for s in recorded.named("work")]
    assert told == ["REVOKED", "ValueError"]
    assert "tv-0123" not in "".join(span.to_json() for span in recorded.all())


def test_health_is_asked_too_often_to_be_told(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    with recording() as recorded:
        await_health(dial(serve()), serving=True)
    assert recorded.all() == []


def test_a_stream_that_is_left_ends_as_cancelled(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    client = ProbeClient(dial(serve()))
    with recording() as recorded:
        answers = client.server_stream(b"", timeout=20)
        next(answers)
        answers.cancel()
        await_spans(lambda: recorded.named(STREAM, SpanKind.CLIENT), 1)
    (called,) = recorded.named(STREAM, SpanKind.CLIENT)
    assert dict(called.attributes or {})["rpc.response.status_code"] == "CANCELLED"


def test_a_line_of_the_log_names_the_span_that_is_open() -> None:
    record = logging.LogRecord("a", logging.INFO, "b.py", 1, "said", None, None)
    with recording(), spans.span("outside") as outside:
        line = json.loads(JsonFormatter().format(record))
        opened = outside.get_span_context()
    assert line["trace_id"] == trace.format_trace_id(opened.trace_id)
    assert line["span_id"] == trace.format_span_id(opened.span_id)
    assert "trace_id" not in json.loads(JsonFormatter().format(record))


def await_spans(found: Callable[[], list[ReadableSpan]], number: int) -> None:
    """A span ends a moment after its call is answered."""
    probe.eventually(found, lambda spans: len(spans) >= number)
