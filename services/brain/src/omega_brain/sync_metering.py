"""Metrics of the sync, for who exports them."""

from __future__ import annotations

from opentelemetry import metrics

from omega_core import spans

# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_brain")
_exchanges = _meter.create_histogram(
    "omega.sync.exchange.duration",
    unit="s",
    description="Time of an exchange, by its outcome",
    explicit_bucket_boundaries_advisory=spans.CALLS,
)
_pushed = _meter.create_counter(
    "omega.sync.push.size", unit="By", description="Serialised requests of exchanges"
)
_pulled = _meter.create_counter(
    "omega.sync.pull.size", unit="By", description="Serialised responses of exchanges"
)
_resources = _meter.create_counter(
    "omega.sync.resource.size", unit="By", description="Resource bytes that were transferred"
)
SUCCEEDED = "succeeded"
"""Outcome of an exchange that went well; else it is the name of the error."""


def exchanged(seconds: float, outcome: str, transport: str) -> None:
    """An exchange ended."""
    told = {"omega.sync.outcome": outcome}
    if transport:
        told["omega.sync.transport"] = transport
    _exchanges.record(seconds, told)


def moved(pushed: int, pulled: int, resources: int) -> None:
    """An exchange that went well moved so many bytes."""
    _pushed.add(pushed)
    _pulled.add(pulled)
    _resources.add(resources)
