"""Settings of the constellation, read from OMEGA_CONSTELLATION_*."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from omega_constellation.judging import Judging
from omega_core import validate
from omega_core.dealing import PERMILLE
from omega_core.errors import invalid
from omega_privacy.trial import Rules
from omega_rpc.authorities import check_shard
from omega_rpc.tls import ClientTls
from omega_store import PushWriterConfig, StoreConfig, check_url
from omega_store.releases import ReleasePlan

PREFIX = "OMEGA_CONSTELLATION_"
"""Prefix of the environment variables."""
STAGES = 2
"""Stages of a release before it goes to all."""


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
    transaction_pooling: bool = False
    """Whether database_url leads to a proxy that pools transactions, such as PgBouncer."""
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
    release_stages: str = ""
    """Devices of 1,000 that get new factors or a new codebook first, and after them, such as
    "10,100" for 1 and 10 %; empty = all get them at once. The same at every constellation of a
    shard."""
    release_least_devices: int = 100_000
    """Devices that the shard must have for that, 1 to 1,000,000,000; with fewer all get them at
    once. 1 % of fewer than 100,000 cannot tell a version apart that loses 10 of 100 households."""
    release_margin: float = 0.05
    """Loss in the share of households that watched what was recommended from which on a version
    does not go to all, 0.005 to 0.25; at the first stage twice as much."""
    release_least_reports: int = 200
    """Reports of either side before the first look, 20 to 1,000,000."""
    release_stage_hours: float = 24.0
    """Least time of a stage, 0 to 720."""
    release_longest_hours: float = 336.0
    """Longest time of a stage, after which a version is taken back that was not found to be no
    worse, 1 to 2,160."""
    release_look_seconds: float = 60.0
    """Time between two looks at the reports, 0.1 to 86,400."""
    threshold_secret_file: Path | None = None
    """File with 32 to 1,024 characters of chance that others cannot read, the same at all shards
    and never changed: keys of reports of pairs follow from it. None = no such reports are taken."""
    threshold: int = 5
    """Reports that open a pair, 2 to 32; the same at all shards."""
    epoch_days: int = 28
    """Length of an epoch of reports, 1 to 366; that of the randomness server, and never changed."""
    grace_hours: int = 48
    """How long after its end an epoch still takes reports, 0 to 720."""
    tokens_per_epoch: int = 320
    """Most reports of a device in an epoch, 1 to 100,000."""
    randomness_target: str = ""
    """HOST:PORT or unix:/path of the randomness server, at most 256 characters; set together with
    threshold_secret_file."""
    randomness_tls_ca: Path | None = None
    """PEM certificates that sign it; None = no TLS."""
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
        validate.integer("release_least_devices", self.release_least_devices, 1, 1_000_000_000)
        validate.number("release_margin", self.release_margin, 0.005, 0.25)
        validate.integer("release_least_reports", self.release_least_reports, 20, 1_000_000)
        validate.number("release_stage_hours", self.release_stage_hours, 0, 720)
        validate.number("release_longest_hours", self.release_longest_hours, 1, 2_160)
        validate.number("release_look_seconds", self.release_look_seconds, 0.1, 86_400)
        validate.integer("threshold", self.threshold, 2, 32)
        validate.integer("epoch_days", self.epoch_days, 1, 366)
        validate.integer("grace_hours", self.grace_hours, 0, 720)
        validate.integer("tokens_per_epoch", self.tokens_per_epoch, 1, 100_000)
        validate.text("randomness_target", self.randomness_target, 256)
        if bool(self.randomness_target) != (self.threshold_secret_file is not None):
            raise invalid("randomness_target", "set together with threshold_secret_file")
        if self.randomness_tls_ca is not None and not self.randomness_target:
            raise invalid("randomness_target", "set when randomness_tls_ca is")
        # They hold the rest to its bounds.
        self.release_plan()
        self.store()
        self.push_writer()

    def store(self) -> StoreConfig:
        """Settings of the connections."""
        return StoreConfig(
            pool_size=self.pool_size,
            acquire_seconds=self.acquire_seconds,
            statement_seconds=self.statement_seconds,
            transaction_pooling=self.transaction_pooling,
            application_name="omega-constellation",
        )

    def release_plan(self) -> ReleasePlan | None:
        """Who gets new versions first; None = all get them at once."""
        if not self.release_stages:
            return None
        parts = [part.strip() for part in self.release_stages.split(",")]
        shares = [int(part) if part.isdecimal() else 0 for part in parts]
        if len(shares) != STAGES or not 1 <= shares[0] < shares[1] < PERMILLE:
            raise invalid("release_stages", "empty, or two of 1,000 that rise, such as 10,100")
        return ReleasePlan(shares[0], shares[1], self.release_least_devices)

    def judging(self) -> Judging:
        """How releases are judged."""
        return Judging(
            first=Rules(2 * self.release_margin, self.release_least_reports),
            second=Rules(self.release_margin, self.release_least_reports),
            least=timedelta(hours=self.release_stage_hours),
            longest=timedelta(hours=self.release_longest_hours),
        )

    def peer_tls(self) -> ClientTls | None:
        """How to call the other shards; None = without TLS."""
        if self.peer_tls_ca is None:
            return None
        return ClientTls(self.peer_tls_ca, self.peer_tls_certificate, self.peer_tls_key)

    def randomness_tls(self) -> ClientTls | None:
        """How to trust the randomness server; None = without TLS."""
        return ClientTls(ca=self.randomness_tls_ca) if self.randomness_tls_ca else None

    def push_writer(self) -> PushWriterConfig:
        """Settings of the group commit."""
        return PushWriterConfig(
            most_waiting=self.most_waiting_pushes, most_waiting_mb=self.most_waiting_mb
        )

    def retention(self) -> timedelta | None:
        """How long pushes are kept; None = for ever."""
        return timedelta(days=self.retention_days) if self.retention_days else None
