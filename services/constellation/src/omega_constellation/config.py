"""Settings of the constellation, read from OMEGA_CONSTELLATION_*."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from omega_core import validate
from omega_core.errors import invalid
from omega_rpc.authorities import check_shard
from omega_store import PushWriterConfig, StoreConfig, check_url

PREFIX = "OMEGA_CONSTELLATION_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class ConstellationConfig:
    """Where the shard's data lies and how much may wait for it."""

    database_url: str = field(repr=False)
    """postgresql:// URL or libpq connection string of the shard."""
    pool_size: int = 8
    """Most connections to the database, 3 to 256: two are the push writer's."""
    acquire_seconds: float = 2.0
    """Longest wait for the database before UNAVAILABLE, 0.1 to 60."""
    statement_seconds: float = 30.0
    """Longest statement, 0.1 to 3,600."""
    most_waiting_pushes: int = 8_192
    """Pushes that may wait for the disk before RESOURCE_EXHAUSTED, 256 to 1,048,576."""
    most_waiting_mb: int = 64
    """Memory that they may take before RESOURCE_EXHAUSTED, in MiB, 1 to 65,536."""
    push_seconds: float = 10.0
    """Longest wait for a push to be durable when the caller sets no deadline, 0.1 to 60."""
    sync_interval_seconds: int = 600
    """What TVs are told as the time until their next sync, before jitter, 1 to 86,400."""
    max_devices: int = 4_000_000
    """Devices that are welcome at the shard before registrations get RESOURCE_EXHAUSTED, 1 to
    100,000,000."""
    retention_days: int = 400
    """Days for which pushes are kept behind the month that they came in, 0 to 36,500; 0 = for
    ever."""
    shard: str = "local"
    """Name of the shard, which credentials carry: 1 to 63 characters of [a-z0-9-]."""
    require_claim: bool = False
    """Whether a device shows a one-time claim when it registers for the first time."""
    device_ca_certificate: Path | None = None
    """PEM certificate that signs devices, and those above it, at most 3; None = none are given."""
    device_ca_key: Path | None = None
    """Its PEM key, which only this service reads."""
    device_certificate_hours: int = 168
    """How long a device's certificate is good, 1 to 8,760; a TV renews it before."""
    migrate_at_start: bool = True
    """Bring the schema up to date; false = wait, not SERVING, until --migrate-only has."""

    def __post_init__(self) -> None:
        check_url("database_url", self.database_url)
        validate.integer("pool_size", self.pool_size, 3, 256)
        validate.integer("most_waiting_pushes", self.most_waiting_pushes, 256, 1_048_576)
        validate.number("push_seconds", self.push_seconds, 0.1, 60)
        validate.integer("sync_interval_seconds", self.sync_interval_seconds, 1, 86_400)
        validate.integer("max_devices", self.max_devices, 1, 100_000_000)
        validate.integer("retention_days", self.retention_days, 0, 36_500)
        check_shard("shard", self.shard)
        if (self.device_ca_certificate is None) != (self.device_ca_key is None):
            raise invalid("device_ca_key", "set together with device_ca_certificate")
        validate.integer("device_certificate_hours", self.device_certificate_hours, 1, 8_760)
        # They hold the rest to its bounds.
        self.store()
        self.push_writer()

    def store(self) -> StoreConfig:
        """Settings of the connections."""
        return StoreConfig(
            pool_size=self.pool_size,
            acquire_seconds=self.acquire_seconds,
            statement_seconds=self.statement_seconds,
            application_name="omega-constellation",
        )

    def push_writer(self) -> PushWriterConfig:
        """Settings of the group commit."""
        return PushWriterConfig(
            most_waiting=self.most_waiting_pushes, most_waiting_mb=self.most_waiting_mb
        )

    def retention(self) -> timedelta | None:
        """How long pushes are kept; None = for ever."""
        return timedelta(days=self.retention_days) if self.retention_days else None
