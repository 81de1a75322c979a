"""Figures of this shard for operators."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from omega.constellation.v1 import admin_pb2 as pb
from omega_constellation.answers import timestamp
from omega_constellation.directories import Directories
from omega_core.clock import Clock
from omega_store import Store, counts, status, traffic
from omega_store.status import RegionFigures, ShardFigures

_SHARE = 20
_AT_ONCE_SECONDS = 0.05


@dataclass(frozen=True)
class _Counted:
    at: datetime
    figures: ShardFigures
    regions: list[RegionFigures]
    good_until: float


@dataclass(frozen=True)
class ShardGauges:
    """What is told of a shard all the time."""

    registered: int
    """Welcome devices."""
    active: int
    """Of them, those that called within a day; as the last count has it."""
    capacity: int
    """Most welcome devices."""
    state_version: int
    """Of the newest state; 0 = none."""
    patterns: int
    """Of the newest state."""
    trends: int
    """In force, over all regions."""


class Stats:
    """Counts a shard. Safe to share between threads.

    Counts that read every device and push hold for 20 times as long as the counting took, so that
    they never take more than a twentieth of the database's time; of a small shard, they are counted
    at each call. Devices by where they stand are always exact.

    Args:
        store: the shard.
        directories: the shards of the fleet, and which one this is.
        max_devices: most devices that it takes.
        clock: tells what is active.
    """

    def __init__(
        self, store: Store, directories: Directories, max_devices: int, clock: Clock
    ) -> None:
        self._store = store
        self._directories = directories
        self._max_devices = max_devices
        self._clock = clock
        self._counting = threading.Lock()
        self._counted: _Counted | None = None

    def read(self, minutes: int) -> pb.ShardStats:
        """The figures, with the last 0 to 1,440 minutes of traffic.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        counted = self._count()
        now = self._clock.now()
        with self._store.snapshot("read shard figures") as conn:
            heads = status.heads(conn)
            leaving = self._directories.leaving(conn)
            lately = traffic.minutes(conn, now, minutes) if minutes else []
            rates = traffic.rates(conn, now - status.ACTIVE)
        return pb.ShardStats(
            shard=self._directories.shard,
            counted_at=timestamp(counted.at),
            max_devices=self._max_devices,
            total_devices=heads.devices.welcome,
            active_devices=counted.figures.active_devices,
            revoked_devices=heads.devices.revoked,
            leaving_devices=leaving,
            pushes=counted.figures.pushes,
            sketches=counted.figures.sketches,
            contents=heads.contents,
            catalogue_version=heads.catalogue_version,
            state_version=heads.state_version,
            factors_version=heads.factors_version,
            codebook_version=heads.codebook_version,
            directory_version=heads.directory_version,
            database_bytes=heads.database_bytes,
            last_push_at=timestamp(counted.figures.last_push_at),
            sketches_by_rate=rates,
            regions=[
                pb.RegionFigures(
                    region=each.region, devices=each.devices, active_devices=each.active_devices
                )
                for each in counted.regions
            ],
            traffic=[_minute(each) for each in lately],
        )

    def gauges(self) -> ShardGauges:
        """The figures that are told all the time.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        active = self._count().figures.active_devices
        with self._store.snapshot("read gauges") as conn:
            welcome = counts.devices(conn).welcome
            held = status.collective(conn)
        return ShardGauges(
            welcome, active, self._max_devices, held.state_version, held.patterns, held.trends
        )

    def _count(self) -> _Counted:
        # One thread counts, the others take what it found.
        with self._counting:
            begun = time.monotonic()
            if self._counted is not None and begun < self._counted.good_until:
                return self._counted
            now = self._clock.now()
            with self._store.snapshot("count shard") as conn:
                figures, regions = status.figures(conn, now), status.regions(conn, now)
            ended = time.monotonic()
            took = ended - begun
            good = ended + _SHARE * took if took > _AT_ONCE_SECONDS else ended
            self._counted = _Counted(now, figures, regions, good)
            return self._counted


def _minute(each: traffic.Minute) -> pb.TrafficMinute:
    return pb.TrafficMinute(
        minute=timestamp(each.minute),
        exchanges=each.exchanges,
        sketches=each.sketches,
        duplicates=each.duplicates,
        refused=each.refused,
        p50_seconds=each.quantile(0.5),
        p99_seconds=each.quantile(0.99),
    )
