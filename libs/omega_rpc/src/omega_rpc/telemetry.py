"""OpenTelemetry metrics: off unless an OTLP endpoint is named, so a TV sends nothing by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The standard variable of OpenTelemetry; absent = nothing is collected."""


@contextmanager
def configure_telemetry(service: str) -> Iterator[None]:
    """Exports metrics of `service` while the context is open; needs the extra `otlp`."""
    if VARIABLE not in os.environ:
        yield
        return
    # An extra, and 5 MB that a TV never needs.
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
        OTLPMetricExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    provider = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter())],
        resource=Resource.create({"service.name": service}),
    )
    metrics.set_meter_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
