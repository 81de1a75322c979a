"""Settings of the federation worker, read from OMEGA_FEDERATION_*."""

from __future__ import annotations

from dataclasses import dataclass, field

from omega_core import validate
from omega_core.limits import MIN_DEVICES
from omega_federation_worker.plan import Plan
from omega_learn import LearnConfig, TrendConfig
from omega_store import StoreConfig, check_url
from omega_store.states import MOST_PATTERNS

PREFIX = "OMEGA_FEDERATION_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class FederationConfig:
    """Which shard is worked on, how it learns and when."""

    database_url: str = field(repr=False)
    """postgresql:// URL or libpq connection string of the shard: a direct connection or a
    session-pooling proxy, because the leader's lock lives in a session."""
    period_seconds: int = 3_600
    """Time between rounds, 0 to 604,800; 0 = only on request."""
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
    pool_size: int = 4
    """Most connections to the database beside the leader's, 2 to 256."""
    acquire_seconds: float = 2.0
    """Longest wait for the database before UNAVAILABLE, 0.1 to 60."""
    statement_seconds: float = 60.0
    """Longest statement, 0.1 to 3,600; the scan of the sketches is exempt."""

    def __post_init__(self) -> None:
        check_url("database_url", self.database_url)
        validate.integer("period_seconds", self.period_seconds, 0, 604_800)
        validate.integer("max_patterns", self.max_patterns, 1, MOST_PATTERNS)
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

    def plan(self) -> Plan:
        """How rounds learn, and how often anew."""
        return Plan(self.learning(), self.refresh_hours)

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
            trends=TrendConfig(min_devices=self.min_devices),
        )
