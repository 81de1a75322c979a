"""OpenTelemetry metrics: off unless an OTLP endpoint is named, so a TV sends nothing by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The standard variable of OpenTelemetry; absent = nothing is collected."""


@contextmanager
def configure_telemetry(service: str) -> Iterator[None]:
    """Exports metrics of `service` while the context is open; needs the extra `otlp`."""
    if VARIABLE not in os.environ:
        yield
        return
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415 - an extra
        OTLPMetricExporter,
    )

    provider = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter())],
        resource=Resource.create({"service.name": service}),
    )
    metrics.set_meter_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
