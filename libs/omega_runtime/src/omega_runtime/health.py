"""Health of named parts, computed from how their work went."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from omega_core import validate
from omega_core.clock import Clock
from omega_core.errors import invalid
from omega_runtime.elapsed import Elapsed
from omega_runtime.event_types import HealthChanged
from omega_runtime.events import Publish, unheard

_LONGEST_REASON = 200


class Status(StrEnum):
    """Health of a part or of the whole."""

    HEALTHY = "healthy"
    """Works."""
    STALE = "stale"
    """Nothing was heard of it for a while. A part only, never the whole."""
    DEGRADED = "degraded"
    """Fails now and again."""
    UNHEALTHY = "unhealthy"
    """Does not work."""


_SEVERITY = {Status.HEALTHY: 0, Status.STALE: 1, Status.DEGRADED: 1, Status.UNHEALTHY: 2}
_WHOLE = (Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY)


@dataclass(frozen=True)
class HealthConfig:
    """When a part changes its health."""

    failures_to_degraded: int = 3
    """Failures in a row that make it degraded, 1 to 1,000."""
    failures_to_unhealthy: int = 5
    """Failures in a row that make it unhealthy, 1 to 1,000; not fewer than for degraded."""
    successes_to_healthy: int = 5
    """Successes in a row that make it healthy again, 1 to 1,000."""
    stale_seconds: float = 300.0
    """Silence after which it is stale, 1 to 604,800."""

    def __post_init__(self) -> None:
        validate.integer("failures_to_degraded", self.failures_to_degraded, 1, 1_000)
        validate.integer("failures_to_unhealthy", self.failures_to_unhealthy, 1, 1_000)
        validate.integer("successes_to_healthy", self.successes_to_healthy, 1, 1_000)
        validate.number("stale_seconds", self.stale_seconds, 1, 604_800)
        if self.failures_to_unhealthy < self.failures_to_degraded:
            raise invalid("failures_to_unhealthy", "failures_to_degraded or more")


@dataclass(frozen=True)
class Watched:
    """A part to watch."""

    name: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    vital: bool = True
    """Whether nothing works without it. What ails another part counts one step milder for the
    whole: unhealthy as degraded, degraded and stale as healthy."""

    def __post_init__(self) -> None:
        validate.identifier("name", self.name, 64)


@dataclass(frozen=True)
class PartHealth:
    """Health of one part at a moment."""

    name: str
    vital: bool
    status: Status
    reason: str
    """Why it is not healthy; empty when it is."""
    successes: int
    """Since the start."""
    failures: int
    """Since the start."""
    consecutive_failures: int
    """Since its last success."""
    last_word: datetime | None
    """When the last outcome came, in UTC; None = never."""


@dataclass(frozen=True)
class Health:
    """Health of the whole and its parts at a moment."""

    status: Status
    """The worst that matters: HEALTHY, DEGRADED or UNHEALTHY."""
    at: datetime
    parts: tuple[PartHealth, ...]
    """In the order in which they were named."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line for each part that is not healthy."""
        return tuple(f"{part.name}: {part.reason}" for part in self.parts if part.reason)


class _Record:
    """Counts of one part."""

    def __init__(self, watched: Watched, now: timedelta) -> None:
        self.watched = watched
        self.status = Status.HEALTHY
        self.successes = 0
        self.failures = 0
        self.failed_in_a_row = 0
        self.succeeded_in_a_row = 0
        self.last_error = ""
        self.heard = now
        self.last_word: datetime | None = None


class HealthMonitor:
    """Judges parts by their outcomes. Thread-safe.

    A part starts healthy and is stale when nothing was heard of it in time, counted from the
    start. One that is unhealthy stays so in silence: only successes heal.

    Args:
        parts: what to watch, at least one, each name once.
        clock: tells the moments; a step back of the clock counts as no time.
        config: thresholds.
        publish: is told each change that an outcome brings.

    Raises:
        OmegaError: INVALID_FIELD for parts.
    """

    def __init__(
        self,
        parts: Iterable[Watched],
        clock: Clock,
        config: HealthConfig | None = None,
        *,
        publish: Publish = unheard,
    ) -> None:
        watched = tuple(parts)
        if not watched or len({each.name for each in watched}) < len(watched):
            raise invalid("parts", "one part or more, each name once")
        self._clock = clock
        self._config = config or HealthConfig()
        self._publish = publish
        self._stale_after = timedelta(seconds=self._config.stale_seconds)
        self._elapsed = Elapsed(clock)
        self._lock = threading.Lock()
        now = self._elapsed.read()
        self._records = {each.name: _Record(each, now) for each in watched}

    @property
    def names(self) -> tuple[str, ...]:
        """The parts it watches."""
        return tuple(self._records)

    def succeeded(self, part: str) -> None:
        """`part` did its work.

        Raises:
            KeyError: when it is not watched.
        """
        with self._lock:
            record = self._hear(part)
            record.successes += 1
            record.failed_in_a_row = 0
            record.succeeded_in_a_row += 1
            if record.succeeded_in_a_row >= self._config.successes_to_healthy:
                self._turn(record, Status.HEALTHY)

    def failed(self, part: str, reason: str) -> None:
        """`part` failed; of `reason`, which must tell nothing of people, 200 characters are kept.

        Raises:
            KeyError: when it is not watched.
        """
        with self._lock:
            record = self._hear(part)
            record.failures += 1
            record.succeeded_in_a_row = 0
            record.failed_in_a_row += 1
            record.last_error = reason[:_LONGEST_REASON]
            if record.failed_in_a_row >= self._config.failures_to_unhealthy:
                self._turn(record, Status.UNHEALTHY)
            elif (
                record.failed_in_a_row >= self._config.failures_to_degraded
                and record.status is Status.HEALTHY
            ):
                self._turn(record, Status.DEGRADED)

    def snapshot(self) -> Health:
        """Health at this moment."""
        with self._lock:
            now = self._elapsed.read()
            parts = tuple(self._part(record, now) for record in self._records.values())
        return Health(status=overall(parts), at=self._clock.now(), parts=parts)

    def silent(self, seconds: float) -> tuple[str, ...]:
        """Parts of which nothing was heard for `seconds`: those that are worth a probe."""
        with self._lock:
            before = self._elapsed.read() - timedelta(seconds=seconds)
            return tuple(name for name, each in self._records.items() if each.heard <= before)

    def _hear(self, part: str) -> _Record:
        record = self._records[part]
        record.heard = self._elapsed.read()
        record.last_word = self._clock.now()
        return record

    def _turn(self, record: _Record, status: Status) -> None:
        before, record.status = record.status, status
        if before is status:
            return
        # Under the lock, so that the changes are told in their order; publishing never waits.
        self._publish(
            HealthChanged(
                part=record.watched.name, before=before, after=status, reason=_reason(record)
            )
        )

    def _part(self, record: _Record, now: timedelta) -> PartHealth:
        silence = now - record.heard
        status = record.status
        reason = _reason(record)
        if silence >= self._stale_after and status is not Status.UNHEALTHY:
            status = Status.STALE
            reason = f"nothing heard for {silence.total_seconds():.0f} s"
        return PartHealth(
            name=record.watched.name,
            vital=record.watched.vital,
            status=status,
            reason=reason,
            successes=record.successes,
            failures=record.failures,
            consecutive_failures=record.failed_in_a_row,
            last_word=record.last_word,
        )


def overall(parts: Iterable[PartHealth]) -> Status:
    """The worst that matters: see `Watched.vital`."""
    return _WHOLE[max(max(0, _SEVERITY[p.status] - (not p.vital)) for p in parts)]


def _reason(record: _Record) -> str:
    if record.status is Status.HEALTHY:
        return ""
    return (
        f"{record.failed_in_a_row} failures and {record.succeeded_in_a_row} successes in a row;"
        f" last error: {record.last_error}"
    )
