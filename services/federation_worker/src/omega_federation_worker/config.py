"""Settings of the federation worker, read from OMEGA_FEDERATION_*."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omega_core import validate
from omega_core.errors import invalid
from omega_core.limits import MIN_DEVICES
from omega_federation_worker.fleet_job import Windows
from omega_federation_worker.plan import Plan
from omega_learn import LearnConfig, TrendConfig
from omega_store import StoreConfig, check_url
from omega_store.states import MOST_PATTERNS
from omega_threshold import Schedule as EpochSchedule

PREFIX = "OMEGA_FEDERATION_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class FederationConfig:
    """Which shard is worked on, how it learns and when."""

    database_url: str = field(default="", repr=False)
    """postgresql:// URL or libpq connection string of a shard that is alone: a direct connection or
    a session-pooling proxy, because the leader's lock lives in a session."""
    shards_file: Path | None = None
    """TOML or JSON file that names the shards of a fleet with region and database URL, and the home
    shard; in place of database_url."""
    period_seconds: int = 900
    """Time between rounds, 0 to 604,800; 0 = only on request."""
    sums_seconds: float = 60.0
    """Of a fleet: time between two times that each shard decodes what came and counts it, 0 to
    86,400; 0 = with a round only."""
    regions_seconds: float = 300.0
    """Of a fleet: time between two times that sums of a region's shards are merged, 0 to 86,400;
    0 = never apart."""
    copy_seconds: float = 5.0
    """Of a fleet: time between two looks for what other shards lack of what the home shard gives
    out, 0.1 to 3,600."""
    round_seconds: float = 7_200.0
    """Of a fleet: longest round, 1 to 86,400."""
    part_seconds: float = 3_600.0
    """Of a fleet: longest phase of a round, 1 to 86,400: a shard that has not answered by then is
    late, and out of the round."""
    min_shard_share: float = 0.5
    """Of a fleet: least share of the shards in a round, 0.01 to 1; with fewer it fails."""
    threads: int = 1
    """Of a fleet: shards that one process works on at the same time, 1 to 64."""
    scratch_directory: Path | None = None
    """Where a round's sketches and rows lie meanwhile, in files without a name; None = where
    temporary files do."""
    refresh_hours: float = 24.0
    """Least time between rounds that decode every sketch and may publish factors, 0 to 720; 0 = all
    of them do. Those between decode what changed and publish patterns and trends."""
    sigma: float = 5.0
    """Noise scale of sketches whose push does not state it, 0.5 to 64: 5 in every TV of 0.2.0 and
    before."""
    lam: float = 75.0
    """Ridge of the collaborative model, 0.001 to 1,000,000."""
    rank: int = 128
    """Columns of the factors, 1 to 256."""
    min_devices: int = MIN_DEVICES
    """Least number of distinct devices behind a round, a title and a pattern, 3 to 1,000,000."""
    max_patterns: int = 48
    """Most global patterns, 1 to 80."""
    dp_mu: float = 0.0
    """Gaussian differential privacy of what a round gives out, 0 to 64; 0 = no noise. Rounds that
    decode every sketch add up as the root of the sum of squares; those between give out nothing."""
    pair_weight: float = 0.25
    """What a threshold report of a pair counts in the model, 0.001 to 1,000; a device that pushes
    sketches of both titles counts a quarter at most, too. Not used with dp_mu."""
    epoch_days: int = 28
    """Length of an epoch of threshold reports, 1 to 366; that of the constellation."""
    grace_hours: int = 48
    """How long after its end an epoch is still served, 0 to 720; that of the constellation."""
    pool_size: int = 4
    """Most connections to the database beside the leader's, 2 to 256."""
    acquire_seconds: float = 2.0
    """Longest wait for the database before UNAVAILABLE, 0.1 to 60."""
    statement_seconds: float = 60.0
    """Longest statement, 0.1 to 3,600; the scan of the sketches is exempt."""

    def __post_init__(self) -> None:
        if bool(self.database_url) == bool(self.shards_file):
            raise invalid("database_url", "set, or shards_file in its place")
        check_url("database_url", self.database_url)
        validate.integer("period_seconds", self.period_seconds, 0, 604_800)
        for name in ("sums_seconds", "regions_seconds"):
            validate.number(name, getattr(self, name), 0, 86_400)
        validate.number("copy_seconds", self.copy_seconds, 0.1, 3_600)
        for name in ("round_seconds", "part_seconds"):
            validate.number(name, getattr(self, name), 1, 86_400)
        validate.number("min_shard_share", self.min_shard_share, 0.01, 1)
        validate.integer("threads", self.threads, 1, 64)
        validate.integer("max_patterns", self.max_patterns, 1, MOST_PATTERNS)
        validate.integer("epoch_days", self.epoch_days, 1, 366)
        validate.integer("grace_hours", self.grace_hours, 0, 720)
        validate.integer("pool_size", self.pool_size, 2, 256)
        # They hold the rest to its bounds.
        self.store()
        self.plan()

    def store(self) -> StoreConfig:
        """Settings of the connections."""
        return StoreConfig(
            pool_size=self.pool_size,
            acquire_seconds=self.acquire_seconds,
            statement_seconds=self.statement_seconds,
            application_name="omega-federation-worker",
        )

    def windows(self) -> Windows:
        """How long a round over several shards waits, and for how many."""
        return Windows(self.round_seconds, self.part_seconds, self.min_shard_share)

    def plan(self) -> Plan:
        """How rounds learn, and how often anew."""
        schedule = EpochSchedule(self.epoch_days, self.grace_hours)
        return Plan(self.learning(), self.refresh_hours, schedule)

    def learning(self) -> LearnConfig:
        """Settings of a round."""
        return LearnConfig(
            sigma=self.sigma,
            lam=self.lam,
            rank=self.rank,
            min_devices=self.min_devices,
            min_title_devices=self.min_devices,
            max_patterns=self.max_patterns,
            dp_mu=self.dp_mu,
            pair_weight=self.pair_weight,
            trends=TrendConfig(min_devices=self.min_devices),
        )
