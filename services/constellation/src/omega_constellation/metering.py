"""What a shard holds, for whoever collects metrics."""

from __future__ import annotations

from opentelemetry import metrics

from omega_constellation.stats import ShardGauges
from omega_rpc.gauges import Figures

shard: Figures[ShardGauges] = Figures("the shard's gauges")
"""What gauges tell of it."""
# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_constellation")
_devices = _meter.create_observable_gauge(
    "omega.constellation.devices",
    [
        shard.observing(
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
    [shard.observing(lambda seen: [(seen.capacity, {})])],
    unit="{device}",
    description="Most devices that are welcome at the shard",
)
_state = _meter.create_observable_gauge(
    "omega.constellation.state.version",
    [shard.observing(lambda seen: [(seen.state_version, {})])],
    unit="{version}",
    description="Version of the newest collective state; 0 = none",
)
_patterns = _meter.create_observable_gauge(
    "omega.constellation.patterns",
    [shard.observing(lambda seen: [(seen.patterns, {})])],
    unit="{pattern}",
    description="Global patterns of the newest state",
)
_trends = _meter.create_observable_gauge(
    "omega.constellation.trends",
    [shard.observing(lambda seen: [(seen.trends, {})])],
    unit="{trend}",
    description="Trends in force, over all regions",
)
reports = _meter.create_counter(
    "omega.constellation.reports",
    unit="{report}",
    description="Reports of pairs that could be read, by what became of them",
)
tokens = _meter.create_counter(
    "omega.constellation.tokens",
    unit="{token}",
    description="Tokens that were evaluated for devices, repeated calls too",
)
