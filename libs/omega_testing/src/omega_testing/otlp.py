"""A collector of OpenTelemetry: takes what services send over OTLP/gRPC, and keeps it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

_LOOK_SECONDS = 0.02
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_ERROR = 2
Attributes = Mapping[str, object]


@dataclass(frozen=True)
class Span:
    """One span as it was sent."""

    service: str
    """service.name of who sent it."""
    name: str
    """Its name."""
    kind: str
    """internal, server or client."""
    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""
    parent_id: bytes
    """8 bytes; empty = it is a root."""
    begun: int
    """Nanoseconds since 1970."""
    ended: int
    """Nanoseconds since 1970."""
    attributes: Attributes
    """Its attributes."""
    links: tuple[tuple[bytes, bytes], ...]
    """(trace id, span id) of each."""
    failed: bool
    """Whether its status is an error."""
    text: str
    """Whatever free text is in it beside names and attributes: status, events, trace state."""


@dataclass(frozen=True)
class Point:
    """The newest point of a metric, as one service sent it."""

    service: str
    """service.name of who sent it."""
    metric: str
    """Name of the metric."""
    unit: str
    """Its unit."""
    attributes: Attributes
    """Its attributes."""
    value: float
    """Number of a counter or gauge, sum of a histogram."""
    count: int
    """Records of a histogram; 0 of others."""


class Collector:
    """Listens on a port of this machine while it is entered. Safe to share between threads."""

    endpoint: str
    """Value for OTEL_EXPORTER_OTLP_ENDPOINT."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._points: dict[tuple[str, str, frozenset[tuple[str, object]]], Point] = {}
        self._resources: dict[str, Attributes] = {}

    def __enter__(self) -> Self:
        self._server = grpc.server(ThreadPoolExecutor(4, thread_name_prefix="collector"))
        # Generated code without types.
        add_traces: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
        add_metrics: Any = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
        add_traces(_Traces(self._take_spans), self._server)
        add_metrics(_Metrics(self._take_points), self._server)
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(0).wait()

    def spans(self) -> list[Span]:
        """All that came so far, in no order."""
        with self._lock:
            return list(self._spans)

    def trace(self, trace_id: bytes) -> list[Span]:
        """Spans of one trace, by their beginning."""
        found = (span for span in self.spans() if span.trace_id == trace_id)
        return sorted(found, key=lambda span: span.begun)

    def points(self, metric: str = "") -> list[Point]:
        """The newest points, of one metric or of all."""
        with self._lock:
            return [p for p in self._points.values() if not metric or p.metric == metric]

    def resources(self) -> dict[str, Attributes]:
        """Attributes of each service's resource, by its name."""
        with self._lock:
            return dict(self._resources)

    def wait(self, wanted: Callable[[], bool], seconds: float = 20.0) -> None:
        """Waits until something came.

        Raises:
            TimeoutError: it did not.
        """
        until = time.monotonic() + seconds
        while not wanted():
            if time.monotonic() > until:
                names = sorted({f"{s.service}: {s.name}" for s in self.spans()})
                raise TimeoutError(f"what is waited for did not come; spans: {names}")
            time.sleep(_LOOK_SECONDS)

    def _take_spans(self, sent: Any) -> None:
        found = [
            _span(self._service(each.resource), span)
            for each in sent.resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += found

    def _take_points(self, sent: Any) -> None:
        for each in sent.resource_metrics:
            service = self._service(each.resource)
            for scope in each.scope_metrics:
                for metric in scope.metrics:
                    for point in _points(service, metric):
                        key = (service, point.metric, frozenset(point.attributes.items()))
                        with self._lock:
                            self._points[key] = point

    def _service(self, resource: Any) -> str:
        told = _attributes(resource.attributes)
        service = str(told.get("service.name", ""))
        with self._lock:
            self._resources[service] = told
        return service


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the contract
        """Takes spans."""
        del context
        self._take(request)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the contract
        """Takes metrics."""
        del context
        self._take(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


def _span(service: str, span: Any) -> Span:
    events = (f"{event.name} {_attributes(event.attributes)}" for event in span.events)
    states = (span.trace_state, *(link.trace_state for link in span.links))
    return Span(
        service,
        span.name,
        _KINDS[span.kind],
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        tuple((link.trace_id, link.span_id) for link in span.links),
        span.status.code == _ERROR,
        " ".join(filter(None, (span.status.message, *events, *states))),
    )


def _points(service: str, metric: Any) -> Iterable[Point]:
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points:
        histogram = kind == "histogram"
        number = point.sum if histogram else getattr(point, point.WhichOneof("value"))
        yield Point(
            service,
            metric.name,
            metric.unit,
            _attributes(point.attributes),
            number,
            point.count if histogram else 0,
        )


def _attributes(pairs: Iterable[Any]) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
