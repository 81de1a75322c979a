"""OpenTelemetry: off unless somebody is named who wants it, so a TV sends and loads nothing.

Traces and metrics go to an OTLP endpoint, metrics also to whoever scrapes them for Prometheus.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from omega_core.errors import OmegaError, invalid
from omega_rpc import config

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Where traces and metrics are sent; absent = nowhere."""
METRICS_LISTEN = "OMEGA_METRICS_LISTEN"
"""HOST:PORT at which metrics are scraped; absent or empty = nowhere."""
TRACES, METRICS = "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"
"""`otlp` (the default) or `none`: whether traces, and metrics, go to the endpoint."""
DISABLED = "OTEL_SDK_DISABLED"
"""`true` = no telemetry, whatever else is set."""
_FAREWELL_SECONDS = 3.0


@dataclass(frozen=True)
class TelemetryConfig:
    """What is recorded, and who gets it."""

    traces: bool = False
    """Whether spans go to the OTLP endpoint."""
    metrics: bool = False
    """Whether metrics go there."""
    listen: str = ""
    """HOST:PORT at which metrics are scraped, port 0 = any free one; empty = nowhere."""

    @classmethod
    def read(cls, environ: Mapping[str, str], *, at_home: bool = False) -> Self:
        """From environment variables; what else they say the SDK reads by itself.

        Args:
            environ: the variables.
            at_home: whether it runs in a household, where no other machine may scrape it.

        Raises:
            OmegaError: INVALID_FIELD that names the variable at fault.
        """
        listen = environ.get(METRICS_LISTEN, "")
        if listen and (listen.startswith("unix:") or not config.address(METRICS_LISTEN, listen)):
            raise invalid(METRICS_LISTEN, "HOST:PORT")
        if listen and at_home and not config.is_local(listen):
            raise invalid(METRICS_LISTEN, "a loopback address")
        wanted = {name: environ.get(name, "otlp") for name in (TRACES, METRICS)}
        for name, value in wanted.items():
            if value not in {"otlp", "none"}:
                raise invalid(name, "otlp or none")
        if environ.get(DISABLED, "").lower() == "true":
            return cls()
        named = bool(environ.get(ENDPOINT))
        return cls(named and wanted[TRACES] == "otlp", named and wanted[METRICS] == "otlp", listen)


@contextmanager
def telemetry_of(
    service: str, settings: TelemetryConfig, *, nameless: bool = False
) -> Iterator[dict[str, str]]:
    """Records while the context is open; gives the addresses that are listened on, by name.

    Args:
        service: value of service.name.
        settings: what is recorded.
        nameless: whether nothing tells one process from another, as on TVs; else the SDK draws an
            id for each.

    Raises:
        OmegaError: INVALID_FIELD that names the variable whose extra is not installed (`otlp`,
            `prometheus`), or whose address cannot be bound.
    """
    if settings == TelemetryConfig():
        yield {}
        return
    addresses: dict[str, str] = {}
    with ExitStack() as stack:
        readers: list[MetricReader] = []
        ends: list[Callable[[], object]] = []
        stack.callback(_end, ends)
        if settings.listen:
            readers.append(_scraped(settings.listen, stack, addresses))
        try:
            if settings.metrics:
                readers.append(_pushed())
            resource = _resource(service, nameless=nameless)
            if settings.traces:
                ends.append(_trace(resource))
            if readers:
                ends.append(_measure(resource, readers))
        except ImportError as error:
            raise _missing(ENDPOINT, "otlp") from error
        yield addresses


def _trace(resource: Resource) -> Callable[[], object]:
    """Begins to record spans; returns what sends the last ones."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Which traces are recorded, OTEL_TRACES_SAMPLER says to the provider.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _measure(resource: Resource, readers: list[MetricReader]) -> Callable[[], object]:
    """Begins to record metrics; returns what sends the last ones."""
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider

    # An exemplar keeps a measurement with its trace: a third of what a measurement costs, for what
    # Prometheus is never sent.
    provider = MeterProvider(
        readers,
        resource=resource,
        exemplar_filter=AlwaysOffExemplarFilter(),
        shutdown_on_exit=False,
    )
    metrics.set_meter_provider(provider)
    return provider.shutdown


def _pushed() -> MetricReader:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return PeriodicExportingMetricReader(OTLPMetricExporter())


def _scraped(listen: str, stack: ExitStack, addresses: dict[str, str]) -> MetricReader:
    """Metrics for Prometheus, at an address that is bound when this returns."""
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise _missing(METRICS_LISTEN, "prometheus") from error

    # A registry of its own: the common one has further metrics of the client library.
    registry = CollectorRegistry(auto_describe=False)
    reader: MetricReader = PrometheusMetricReader(registry=registry)
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise invalid(METRICS_LISTEN, "an address of this machine that is free") from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    stack.callback(close)
    addresses["metrics_listen"] = f"{host}:{server.server_port}"
    return reader


def _resource(service: str, *, nameless: bool) -> Resource:
    from opentelemetry.sdk.resources import Resource

    found = Resource.create({"service.name": service})
    told = dict(found.attributes)
    if nameless:
        told.pop("service.instance.id", None)
    return Resource(told, found.schema_url)


def _end(ends: list[Callable[[], object]]) -> None:
    """Sends what is left, for a moment: a collector that is away holds up no stop."""
    threads = [threading.Thread(target=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _FAREWELL_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _missing(variable: str, extra: str) -> OmegaError:
    return invalid(variable, f"left out where omega-rpc[{extra}] is not installed")
