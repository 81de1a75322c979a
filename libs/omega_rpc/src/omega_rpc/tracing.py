"""Calls as telemetry sees them: a span and a duration each, under the W3C trace context.

Names follow the OpenTelemetry semantic conventions for RPC. Health and reflection are left out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, Self

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from omega_core import spans

OK: Final = "OK"
CANCELLED: Final = "CANCELLED"
INFRASTRUCTURE: Final = ("/grpc.health.", "/grpc.reflection.")
"""What the full names of methods begin with that are asked all the time, and are not recorded."""

UNTOLD: Final = "/omega.threshold.v1.GatewayService/"
"""What the full names of methods begin with that are counted and timed, and of which no log has a
line: it would tell when a report came."""
_UNTRACED = "omega.threshold.v1."
"""What methods begin with that have no span: its trace would join calls of one TV to several
parties."""

# Trace context alone: baggage would carry what a caller wishes through the fleet.
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("omega_rpc")
# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_rpc")
_served = _meter.create_histogram(
    "rpc.server.call.duration",
    unit="s",
    description="Time from request to answer",
    explicit_bucket_boundaries_advisory=spans.CALLS,
)
_called = _meter.create_histogram(
    "rpc.client.call.duration",
    unit="s",
    description="Time from request to answer, as the caller sees it",
    explicit_bucket_boundaries_advisory=spans.CALLS,
)
_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
"""Statuses that are a server's fault; others say that it refused rightly."""


class Served:
    """One call that is answered; a context manager, whose block is inside the call's span.

    Args:
        method: full name, "/omega.sync.v1.SyncService/Sync".
        metadata: of the call, keys in lower case.
        system: value of rpc.system.name.
        trusting: whether the caller's trace goes on here, with its decision whether it is recorded;
            else another one begins, which is linked to the caller's and decides for itself.
    """

    __slots__ = (
        "_before",
        "_begun",
        "_inside",
        "_metadata",
        "_span",
        "_told",
        "_trusting",
        "outcome",
    )

    def __init__(
        self,
        method: str,
        metadata: Mapping[str, str],
        system: str = "grpc",
        *,
        trusting: bool = True,
    ) -> None:
        self._told = {"rpc.system.name": system, "rpc.method": method.lstrip("/")}
        self._metadata = metadata
        self._trusting = trusting
        self.outcome = CANCELLED
        """Name of the status that the call ends with."""

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        self._before = contexts.get_current()
        self._span: Span = trace.INVALID_SPAN
        if self._told["rpc.method"].startswith(_UNTRACED):
            self._inside = Context()
            contexts.attach(self._inside)
            return self
        above = _propagator.extract(self._metadata)
        links = None if self._trusting else _linked(above)
        self._span = _tracer.start_span(
            self._told["rpc.method"],
            above if self._trusting else Context(),
            SpanKind.SERVER,
            self._told,
            links,
        )
        self._inside = trace.set_span_in_context(self._span, Context())
        contexts.attach(self._inside)
        return self

    def __exit__(self, *_: object) -> None:
        told = {**self._told, "rpc.response.status_code": self.outcome}
        _served.record(time.perf_counter() - self._begun, told)
        _end(self._span, self.outcome, failed=self.outcome in _FAULTS)
        # A stream that nobody reads to its end is closed wherever it is found, which may be inside
        # another call.
        if contexts.get_current() is self._inside:
            contexts.attach(self._before)


class Called:
    """One call that is made, from here on; a context manager, or ended by end().

    Args:
        method: full name, "/omega.sync.v1.SyncService/Sync".
        system: value of rpc.system.name.
    """

    __slots__ = ("_begun", "_span", "_told", "outcome")

    def __init__(self, method: str, system: str = "grpc") -> None:
        self._begun = time.perf_counter()
        self._told = {"rpc.system.name": system, "rpc.method": method.lstrip("/")}
        name = self._told["rpc.method"]
        self._span: Span = trace.INVALID_SPAN
        if not name.startswith(_UNTRACED):
            self._span = _tracer.start_span(name, None, SpanKind.CLIENT, self._told)
        self.outcome = CANCELLED
        """Name of the status that the block's call ends with."""

    def fields(self) -> dict[str, str]:
        """Metadata that tells the server of the trace; empty where there is none."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, trace.set_span_in_context(self._span, Context()))
        return carrier

    def end(self, outcome: str) -> None:
        """The call ended with the status of this name."""
        told = {**self._told, "rpc.response.status_code": outcome}
        _called.record(time.perf_counter() - self._begun, told)
        _end(self._span, outcome, failed=outcome != OK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(self.outcome)


def _end(span: Span, outcome: str, *, failed: bool) -> None:
    span.set_attribute("rpc.response.status_code", outcome)
    if failed:
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", outcome)
    span.end()


def _linked(above: Context) -> list[Link]:
    """A link to what a caller shows; its trace state, free text of anybody, is left out."""
    shown = trace.get_current_span(above).get_span_context()
    if not shown.is_valid:
        return []
    return [Link(SpanContext(shown.trace_id, shown.span_id, is_remote=True))]
