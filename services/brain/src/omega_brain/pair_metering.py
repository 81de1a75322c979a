"""Metrics of reports of pairs, for who exports them."""

from __future__ import annotations

from opentelemetry import metrics

# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_brain")
_reports = _meter.create_counter(
    "omega.sync.pair.reports", unit="{report}", description="Tries to send a report, by outcome"
)
_bytes = _meter.create_counter(
    "omega.sync.pair.size", unit="By", description="Serialised calls for reports of pairs"
)


def tried(outcome: str) -> None:
    """A try to send a report ended."""
    _reports.add(1, {"omega.sync.outcome": outcome})


def moved(size: int) -> None:
    """A call moved so many bytes."""
    _bytes.add(size)
