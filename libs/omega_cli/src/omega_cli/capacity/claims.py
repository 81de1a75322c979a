"""The original's figures for its fleet: what it claimed, what its own inputs give, what ours give.

Claims are quoted as docs/claims.md lists them. Each is reckoned again from the inputs that stand
beside it in the original, by plain arithmetic; kB, MB, GB and TB are powers of 1,000, as there.
"""

from __future__ import annotations

from dataclasses import dataclass

from omega_cli.capacity.inputs import Assumptions, Costs, Prices
from omega_cli.capacity.model import DAY, MONTH_DAYS, MONTH_HOURS, Bill, Load, Needs

TVS, CONCURRENT = 400e6, 10e6
SHARDS, SHARD_TVS, SERVERS = 100, 4e6, 1_000
PUSH, PULL, PUSH_MINUTES, PULL_MINUTES = 1e3, 5e3, 5, 15
EGRESS_GB = 0.02
"""What the original pays for a GB, in dollars."""


@dataclass(frozen=True)
class Claim:
    """One figure of the original."""

    row: str
    """Its number in docs/features.md, sections A and B of the original's description."""
    claimed: str
    """What it said."""
    gives: str
    """What its own inputs give."""
    ours: str
    """What the model gives for this system."""


def sync_interval_s() -> tuple[float, float]:
    """A14: exchanges a second if every TV asks once in 5, and once in 15 minutes."""
    return TVS / (PUSH_MINUTES * 60), TVS / (PULL_MINUTES * 60)


def bytes_hour() -> tuple[float, float]:
    """A15: bytes an hour of one TV: 6 kB an exchange, each 15, and each 5 minutes."""
    each = PUSH + PULL
    return each * 60 / PULL_MINUTES, each * 60 / PUSH_MINUTES


def bytes_minute() -> tuple[float, float]:
    """A16: bytes a minute of the fleet: pushes of 1 kB, pulls of 5 kB."""
    return TVS * PUSH / PUSH_MINUTES, TVS * PULL / PULL_MINUTES


def fleet_bytes_hour() -> float:
    """A16, B20: bytes an hour of the fleet, both directions."""
    return 60 * sum(bytes_minute())


def month_bytes(bytes_an_hour: float) -> float:
    """A17: bytes of a month at so many an hour."""
    return bytes_an_hour * MONTH_HOURS


def month_dollars(bytes_a_month: float) -> float:
    """A17, A18: dollars of a month at the original's price of a GB."""
    return bytes_a_month / 1e9 * EGRESS_GB


def heartbeats_minute() -> float:
    """A19: bytes a minute of 64 bytes from each TV that is on."""
    return CONCURRENT * 64


def tvs_of(shards: int) -> float:
    """A21: TVs of so many shards."""
    return shards * SHARD_TVS


def dollars_tv(month: float) -> float:
    """A24: dollars of one TV a month."""
    return month / TVS


def claims(
    asked: Load, found: Needs, paid: Bill, costs: Costs, assumed: Assumptions, prices: Prices
) -> list[Claim]:
    """Every one of them; ours for the original's fleet: 400 million TVs, 10 million at once."""
    slow, fast = bytes_hour()
    pushes, pulls = bytes_minute()
    often, seldom = sync_interval_s()
    hour = fleet_bytes_hour()
    down, up = asked.down_device_day, asked.up_device_day
    ours_hour = TVS * (up + down) / 24
    exchange = costs.stream_sync_us + costs.stream_constellation_us + costs.stream_postgres_us
    return [
        Claim(
            "A14",
            "a sync each 5 to 15 minutes, 1 a minute at most",
            f"{seldom:,.0f} to {often:,.0f} a second, were every TV always on",
            f"{asked.exchanges_s:,.0f} a second, {asked.peak_exchanges_s:,.0f} at the busiest "
            f"moment; one each {assumed.sync_seconds / 60:g} minutes while a TV is on",
        ),
        Claim(
            "A15",
            "10 KB an hour, below $0.01 a month",
            f"{slow / 1e3:g} to {fast / 1e3:g} KB an hour",
            f"{(up + down) / 24 / 1e3:.1f} kB an hour over the day, "
            f"{down * MONTH_DAYS / 2**30 * prices.egress_gib:.4f} a month",
        ),
        Claim(
            "A16",
            "1.3 and 2.2 GB a minute; 240 GB an hour, elsewhere 720",
            f"{pushes / 1e9:.0f} and {pulls / 1e9:.0f} GB a minute; {hour / 1e12:.1f} TB an hour",
            f"{ours_hour / 1e12:.2f} TB an hour",
        ),
        Claim(
            "A17",
            "5.7 PB a month at 240 GB an hour, $114 K",
            f"{month_bytes(240e9) / 1e15:.2f} PB, ${month_dollars(month_bytes(240e9)):,.0f}; "
            f"at {hour / 1e12:.1f} TB an hour {month_bytes(hour) / 1e15:.1f} PB, "
            f"${month_dollars(month_bytes(hour)):,.0f}",
            f"{month_bytes(ours_hour) / 1e15:.2f} PB, of which to TVs {paid.egress:,.0f}",
        ),
        Claim(
            "A18",
            "10 GB a minute is about $1 K a month",
            f"${month_dollars(month_bytes(600e9)):,.0f}",
            "as A17",
        ),
        Claim(
            "A19",
            "heartbeats of 64 bytes: 640 MB a minute",
            f"{heartbeats_minute() / 1e6:.0f} MB a minute: right, without a heartbeat",
            "none: an exchange says that a TV lives",
        ),
        Claim(
            "A20",
            "100 shards, 1,000 servers, 400 K TVs a server",
            f"{SHARDS * SHARD_TVS / 1e6:.0f} M TVs, {TVS / SERVERS:,.0f} a server: consistent",
            f"{found.shards:,} shards, {found.servers:,} servers of {assumed.node_vcpus:g} vCPU, "
            f"{TVS / found.servers:,.0f} TVs a server",
        ),
        Claim(
            "A21",
            "4 shards are 40 M TVs",
            f"{tvs_of(4) / 1e6:.0f} M TVs",
            f"{40e6 / assumed.devices_shard:.0f} shards",
        ),
        Claim(
            "A22",
            "10 K requests a second a server of 16 cores; 1 M patterns a day",
            f"625 a second and core; {1e6 / DAY:.1f} patterns a second",
            f"{1e6 / exchange:,.0f} exchanges a second and core, of gateway, constellation and "
            "Postgres together",
        ),
        Claim(
            "A23",
            "p99 of 100 ms to 1 s at 10 K to 1 M TVs",
            "no tool that could measure it",
            "`omega fleet` measures it",
        ),
        Claim(
            "A24",
            "$530 K a month, $1.33 a user; others $2 to 5 M, $5 to 12.5 a user",
            f"${dollars_tv(530e3):.4f} a user; ${dollars_tv(2e6):.4f} to ${dollars_tv(5e6):.4f}",
            f"{paid.month:,.0f} a month, {paid.tv_month:.5f} a TV, at the stated prices",
        ),
        Claim(
            "B19",
            "1 M patterns a shard, 10,000 a TV",
            f"{10_000 * SHARD_TVS / 1e9:.0f} G patterns a shard",
            f"{SHARD_TVS * assumed.pushes_day * assumed.retention_days / 1e6:,.0f} M pushes a "
            "shard at the end of their retention",
        ),
        Claim(
            "B20",
            "240 and 720 GB an hour, in two documents",
            f"{hour / 1e12:.1f} TB an hour",
            f"{ours_hour / 1e12:.2f} TB an hour",
        ),
    ]
