"""Spans and metrics of this process for as long as a block lasts: a provider stays for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from opentelemetry import trace
from opentelemetry.metrics._internal.instrument import _ProxyInstrument
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanContext

from omega_core import spans
from omega_rpc import tracing


class Recorded:
    """What was recorded so far.

    Args:
        exporter: holds it.
    """

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """Every span that has ended, in that order."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str, kind: trace.SpanKind | None = None) -> list[ReadableSpan]:
        """Those of a name, and of a kind where one is given."""
        return [s for s in self.all() if s.name == name and kind in {None, s.kind}]


def context_of(span: ReadableSpan) -> SpanContext:
    """Its ids; a span that was recorded always has them."""
    found: SpanContext | None = span.get_span_context()
    if found is None:
        raise ValueError("a span without a context")
    return found


@contextmanager
def recording(sampler: Sampler | None = None) -> Iterator[Recorded]:
    """Records spans of this project; `sampler` decides on roots, all of them without it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(ParentBased(sampler or ALWAYS_ON), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with patch.object(spans, "_tracer", tracer), patch.object(tracing, "_tracer", tracer):
        yield Recorded(exporter)
    provider.shutdown()


Counted = Callable[[], dict[tuple[str, frozenset[tuple[str, object]]], float]]
"""Values of counters and gauges, and counts of histograms, by metric and attributes."""


@contextmanager
def counting(module: ModuleType) -> Iterator[Counted]:
    """What the instruments that a module made record while the block lasts."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("tests")
    with ExitStack() as stack:
        for each in vars(module).values():
            if isinstance(each, _ProxyInstrument):
                real = each._create_real_instrument(meter)  # noqa: SLF001 - no other way in
                stack.enter_context(patch.object(each, "_real_instrument", real))
        yield lambda: _counted(reader)
    provider.shutdown()


def _counted(
    reader: InMemoryMetricReader,
) -> dict[tuple[str, frozenset[tuple[str, object]]], float]:
    data = reader.get_metrics_data()
    return {
        (metric.name, frozenset((point.attributes or {}).items())): (
            point.count if isinstance(point, HistogramDataPoint) else point.value
        )
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if isinstance(point, HistogramDataPoint | NumberDataPoint)
    }
