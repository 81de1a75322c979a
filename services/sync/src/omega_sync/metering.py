"""What a gateway counts, for whoever collects metrics. No device and no address is in it."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics

from omega_core import spans

# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_sync")
exchanges = _meter.create_counter(
    "omega.gateway.exchanges", unit="{exchange}", description="Exchanges of TVs, by their outcome"
)
batch_size = _meter.create_histogram(
    "omega.gateway.batch.size",
    unit="{exchange}",
    description="Exchanges whose pushes formed one call to a constellation",
    explicit_bucket_boundaries_advisory=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
refused = _meter.create_counter(
    "omega.gateway.refused", unit="{call}", description="Calls that were not let in, by the reason"
)
streams = _meter.create_up_down_counter(
    "omega.gateway.streams", unit="{stream}", description="Open StreamSync streams"
)


@contextmanager
def exchange() -> Iterator[None]:
    """Counts an exchange by how the block ends."""
    outcome = "ok"
    try:
        yield
    except CancelledError:
        outcome = "CANCELLED"
        raise
    except Exception as error:
        outcome = spans.kind_of(error)
        raise
    finally:
        exchanges.add(1, {"omega.outcome": outcome})
