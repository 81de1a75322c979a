"""What a shard holds, for whoever collects metrics."""

from __future__ import annotations

from opentelemetry import metrics

from omega_constellation.stats import ShardGauges
from omega_rpc.gauges import Figures

shard: Figures[ShardGauges] = Figures(
    metrics.get_meter("omega_constellation"), "the shard's gauges"
)
"""What gauges tell of it."""
_devices = shard.gauge(
    "omega.constellation.devices",
    lambda seen: [
        (seen.registered, {"omega.state": "registered"}),
        (seen.active, {"omega.state": "active"}),
    ],
    unit="{device}",
    description="Welcome devices of the shard, and those of them that called within a day",
)
_capacity = shard.gauge(
    "omega.constellation.capacity",
    lambda seen: [(seen.capacity, {})],
    unit="{device}",
    description="Most devices that are welcome at the shard",
)
_state = shard.gauge(
    "omega.constellation.state.version",
    lambda seen: [(seen.state_version, {})],
    unit="{version}",
    description="Version of the newest collective state; 0 = none",
)
_patterns = shard.gauge(
    "omega.constellation.patterns",
    lambda seen: [(seen.patterns, {})],
    unit="{pattern}",
    description="Global patterns of the newest state",
)
_trends = shard.gauge(
    "omega.constellation.trends",
    lambda seen: [(seen.trends, {})],
    unit="{trend}",
    description="Trends in force, over all regions",
)
