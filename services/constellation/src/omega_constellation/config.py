"""Settings of the constellation, read from OMEGA_CONSTELLATION_*."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omega_core import validate
from omega_core.errors import invalid
from omega_rpc.authorities import check_shard
from omega_rpc.tls import ClientTls
from omega_store import PushWriterConfig, StoreConfig, check_url

PREFIX = "OMEGA_CONSTELLATION_"
"""Prefix of the environment variables."""


@dataclass(frozen=True)
class ConstellationConfig:
    """Where the shard's data lies and how much may wait for it."""

    database_url: str = field(repr=False)
    """postgresql:// URL or libpq connection string of the shard."""
    pool_size: int = 8
    """Most connections to the database, 2 to 256: one is the push writer's."""
    acquire_seconds: float = 2.0
    """Longest wait for the database before UNAVAILABLE, 0.1 to 60."""
    statement_seconds: float = 30.0
    """Longest statement, 0.1 to 3,600."""
    most_waiting_pushes: int = 8_192
    """Pushes that may wait for the disk before RESOURCE_EXHAUSTED, 256 to 1,048,576."""
    push_seconds: float = 10.0
    """Longest wait for a push to be durable when the caller sets no deadline, 0.1 to 60."""
    sync_interval_seconds: int = 600
    """What TVs are told as the time until their next sync, before jitter, 1 to 86,400."""
    shard: str = "local"
    """Name of the shard, as the directory has it: 1 to 63 characters of [a-z0-9-]."""
    fleet: str = ""
    """Name that credentials carry, the same at all shards and gateways of a fleet: 1 to 63
    characters of [a-z0-9-]. Empty = that of the shard."""
    peer_tls_ca: Path | None = None
    """PEM certificates that sign the constellations of other shards; None = no TLS between them."""
    peer_tls_certificate: Path | None = None
    """PEM chain that this constellation shows to them, together with peer_tls_key."""
    peer_tls_key: Path | None = None
    """Its PEM key."""
    move_seconds: float = 1.0
    """Time between two looks for devices that belong to other shards, 0.02 to 60."""
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
        validate.integer("pool_size", self.pool_size, 2, 256)
        validate.integer("most_waiting_pushes", self.most_waiting_pushes, 256, 1_048_576)
        validate.number("push_seconds", self.push_seconds, 0.1, 60)
        validate.integer("sync_interval_seconds", self.sync_interval_seconds, 1, 86_400)
        check_shard("shard", self.shard)
        if self.fleet:
            check_shard("fleet", self.fleet)
        if (self.peer_tls_certificate is None) != (self.peer_tls_key is None):
            raise invalid("peer_tls_key", "set together with peer_tls_certificate")
        if self.peer_tls_key is not None and self.peer_tls_ca is None:
            raise invalid("peer_tls_ca", "set when peer_tls_key is")
        validate.number("move_seconds", self.move_seconds, 0.02, 60)
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

    def peer_tls(self) -> ClientTls | None:
        """How to call the other shards; None = without TLS."""
        if self.peer_tls_ca is None:
            return None
        return ClientTls(self.peer_tls_ca, self.peer_tls_certificate, self.peer_tls_key)

    def push_writer(self) -> PushWriterConfig:
        """Settings of the group commit."""
        return PushWriterConfig(most_waiting=self.most_waiting_pushes)
