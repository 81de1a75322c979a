"""From measured costs and assumptions to servers, storage, bandwidth and money: pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from omega_cli.capacity.inputs import Assumptions, Costs, Prices
from omega_core import validate

DAY, HOUR = 86_400.0, 3_600.0
MONTH_HOURS = 730.0
"""Hours of a month: 8,760 / 12."""
MONTH_DAYS = MONTH_HOURS / 24
"""Days of a month."""
GIB = 2.0**30
"""Bytes of a GiB."""


@dataclass(frozen=True)
class Scenario:
    """A fleet to be served."""

    name: str
    """Heading of its column."""
    tvs: float
    """TVs, 1 to 10^10."""
    concurrent: float
    """TVs that are on at the busiest moment, 0 to tvs; each holds a stream."""

    def __post_init__(self) -> None:
        validate.number("tvs", self.tvs, 1, 1e10)
        validate.number("concurrent", self.concurrent, 0, self.tvs)


@dataclass(frozen=True)
class Load:
    """What the TVs of a scenario ask for."""

    hours_on: float
    """Of one TV a day: what the scenario's TVs at once come to over a day."""
    exchanges_device_day: float
    """Of one TV."""
    exchanges_s: float
    """Mean of a day, whole fleet."""
    peak_exchanges_s: float
    """At the busiest moment."""
    up_device_day: float
    """Bytes of one TV, TV to fleet."""
    down_device_day: float
    """Bytes of one TV, fleet to TV, resources included."""
    peak_gbit_s: float
    """Fleet to TVs at the busiest moment."""


@dataclass(frozen=True)
class Needs:
    """What serves it."""

    shards: int
    """Postgres primaries."""
    gateway_cores: float
    """Of omega-sync."""
    gateway_gib: float
    """Memory of its processes and streams."""
    gateway_processes: int
    """Of omega-sync, each on one core."""
    constellation_cores: float
    """Of omega-constellation."""
    constellation_gib: float
    """Memory of its processes."""
    postgres_cores: float
    """All copies."""
    postgres_gib: float
    """Memory, all copies."""
    worker_cores: float
    """Of omega-federation-worker."""
    worker_gib: float
    """Memory of its processes."""
    refresh_hours: float
    """A shard's refresh on one core."""
    storage_gib: float
    """Disk, all copies."""
    egress_gib_month: float
    """Fleet to TVs."""
    servers: int
    """Nodes of the stated size that hold cores and memory."""

    @property
    def cores(self) -> float:
        """All of them."""
        return (
            self.gateway_cores + self.constellation_cores + self.postgres_cores + self.worker_cores
        )

    @property
    def gib(self) -> float:
        """Memory, all of it."""
        return self.gateway_gib + self.constellation_gib + self.postgres_gib + self.worker_gib


@dataclass(frozen=True)
class Bill:
    """Money a month, in the currency of the prices."""

    processors: float
    """Of whole nodes."""
    memory: float
    """Of whole nodes."""
    storage: float
    """Disks."""
    egress: float
    """Bytes to TVs."""
    tvs: float
    """That share it."""

    @property
    def month(self) -> float:
        """All of it."""
        return self.processors + self.memory + self.storage + self.egress

    @property
    def tv_month(self) -> float:
        """Of one TV."""
        return self.month / self.tvs


def exchanges_day(hours_on: float, assumed: Assumptions) -> float:
    """Exchanges of one TV a day.

    One in sync_seconds while it is on, and one at each wake of a TV in networked standby:
    hours_on x 3600 / sync_seconds + (24 - hours_on) x networked_share x 60 / wake_minutes.
    """
    awake = hours_on * HOUR / assumed.sync_seconds
    return awake + (24 - hours_on) * assumed.networked_share * 60 / assumed.wake_minutes


def load(scenario: Scenario, costs: Costs, assumed: Assumptions) -> Load:
    """What TVs ask for.

    TVs that are on at the busiest moment are peak_factor times those that are on average, which
    gives the hours that one is on.
    """
    hours = 24 * scenario.concurrent / assumed.peak_factor / scenario.tvs
    each = exchanges_day(hours, assumed)
    peak = scenario.concurrent / assumed.sync_seconds
    peak += (
        (scenario.tvs - scenario.concurrent) * assumed.networked_share / (assumed.wake_minutes * 60)
    )
    down = each * costs.exchange_down_bytes + costs.resources_day_bytes
    peak_bytes = peak * costs.exchange_down_bytes
    # Resources are fetched at a TV's own time of the day: evenly.
    peak_bytes += scenario.tvs * costs.resources_day_bytes / DAY
    return Load(
        hours_on=hours,
        exchanges_device_day=each,
        exchanges_s=scenario.tvs * each / DAY,
        peak_exchanges_s=peak,
        up_device_day=each * costs.exchange_up_bytes,
        down_device_day=down,
        peak_gbit_s=peak_bytes * 8 / 1e9,
    )


def needs(scenario: Scenario, costs: Costs, assumed: Assumptions) -> Needs:
    """What serves it: at the busiest moment, at the stated use, with a zone lost."""
    asked = load(scenario, costs, assumed)
    zone = assumed.zones / (assumed.zones - 1) if assumed.zones > 1 else 1.0
    shards = math.ceil(scenario.tvs / assumed.devices_shard)
    spare = zone / assumed.headroom

    def cores(cost_us: float) -> float:
        return asked.peak_exchanges_s * cost_us * 1e-6 * spare

    gateway = cores(costs.stream_sync_us)
    streams = scenario.concurrent * zone
    processes = math.ceil(max(gateway, streams / assumed.streams_process))
    # One in each of two zones at least, so that a shard outlives either.
    constellations = shards * max(math.ceil(cores(costs.stream_constellation_us) / shards), 2)
    primary = max(math.ceil(cores(costs.stream_postgres_us) / zone / shards), 1)
    postgres = shards * assumed.postgres_copies * primary
    devices = scenario.tvs / shards
    worked = (
        devices
        * 1e-6
        * (
            costs.step_device_us * DAY / assumed.round_seconds
            + costs.refresh_device_us * 24 / assumed.refresh_hours
        )
    )
    workers = shards * math.ceil(worked / DAY / assumed.headroom)
    stored = shard_bytes(devices, costs, assumed)
    memory = {
        "gateway": processes * costs.gateway_mb * 1e6 / GIB + streams * costs.stream_kb * 1e3 / GIB,
        "constellation": constellations * costs.constellation_mb * 1e6 / GIB,
        "postgres": shards * assumed.postgres_copies * (stored * assumed.cached_share / GIB + 1),
        "worker": workers * costs.worker_mb * 1e6 / GIB,
    }
    total_cores = processes + constellations + postgres + workers
    return Needs(
        shards=shards,
        gateway_cores=processes,
        gateway_gib=memory["gateway"],
        gateway_processes=processes,
        constellation_cores=constellations,
        constellation_gib=memory["constellation"],
        postgres_cores=postgres,
        postgres_gib=memory["postgres"],
        worker_cores=workers,
        worker_gib=memory["worker"],
        refresh_hours=devices * costs.refresh_device_us * 1e-6 / HOUR,
        storage_gib=shards * assumed.postgres_copies * stored * assumed.storage_margin / GIB,
        egress_gib_month=scenario.tvs * asked.down_device_day * MONTH_DAYS / GIB,
        servers=math.ceil(
            max(total_cores / assumed.node_vcpus, sum(memory.values()) / assumed.node_gib)
        ),
    )


def shard_bytes(devices: float, costs: Costs, assumed: Assumptions) -> float:
    """Bytes of one shard's database once it is as old as its retention."""
    pushes = assumed.pushes_day * assumed.retention_days
    each = costs.device_row_bytes + costs.kept_row_bytes + pushes * costs.push_row_bytes
    return devices * each


def bill(scenario: Scenario, found: Needs, assumed: Assumptions, prices: Prices) -> Bill:
    """What it costs: nodes by the hour, disks and bytes by the month."""
    hours = found.servers * MONTH_HOURS
    return Bill(
        processors=hours * assumed.node_vcpus * prices.vcpu_hour,
        memory=hours * assumed.node_gib * prices.gib_hour,
        storage=found.storage_gib * prices.ssd_gib_month,
        egress=found.egress_gib_month * prices.egress_gib,
        tvs=scenario.tvs,
    )
