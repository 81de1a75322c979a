"""What a shard holds, for whoever collects metrics: read when that happens, and not before."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from omega_constellation.stats import ShardGauges, Stats
from omega_core.errors import OmegaError

_log = logging.getLogger(__name__)
_GOOD_SECONDS = 5.0
"""Time for which one look at the database serves: for all gauges of a collection, and several
collectors."""


class Gauges:
    """Reads a shard's figures for those who collect them, from start to stop.

    Args:
        stats: counts the shard.
    """

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._lock = threading.Lock()
        self._seen: ShardGauges | None = None
        self._until = 0.0

    def start(self) -> None:
        """Begins to answer collectors."""
        _answering.add(self)

    def stop(self) -> None:
        """Ends. May be called twice, started or not."""
        _answering.discard(self)

    def read(self) -> ShardGauges | None:
        """The figures; None while the database does not answer."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._seen = self._stats.gauges()
                except OmegaError as error:
                    _log.warning("the shard's gauges are not known: %s", error)
                    self._seen = None
                self._until = time.monotonic() + _GOOD_SECONDS
            return self._seen


_answering: set[Gauges] = set()


def _observing(
    figures: Callable[[ShardGauges], Iterable[tuple[float, dict[str, str]]]],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        for each in tuple(_answering):
            if (seen := each.read()) is not None:
                yield from (Observation(number, told) for number, told in figures(seen))

    return observe


# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_constellation")
_devices = _meter.create_observable_gauge(
    "omega.constellation.devices",
    [
        _observing(
            lambda seen: [
                (seen.registered, {"omega.state": "registered"}),
                (seen.active, {"omega.state": "active"}),
            ]
        )
    ],
    unit="{device}",
    description="Welcome devices of the shard, and those of them that called within a day",
)
_capacity = _meter.create_observable_gauge(
    "omega.constellation.capacity",
    [_observing(lambda seen: [(seen.capacity, {})])],
    unit="{device}",
    description="Most devices that are welcome at the shard",
)
_state = _meter.create_observable_gauge(
    "omega.constellation.state.version",
    [_observing(lambda seen: [(seen.state_version, {})])],
    unit="{version}",
    description="Version of the newest collective state; 0 = none",
)
_patterns = _meter.create_observable_gauge(
    "omega.constellation.patterns",
    [_observing(lambda seen: [(seen.patterns, {})])],
    unit="{pattern}",
    description="Global patterns of the newest state",
)
_trends = _meter.create_observable_gauge(
    "omega.constellation.trends",
    [_observing(lambda seen: [(seen.trends, {})])],
    unit="{trend}",
    description="Trends in force, over all regions",
)
