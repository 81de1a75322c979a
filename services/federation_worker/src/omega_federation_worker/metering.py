"""What a worker tells of its rounds to whoever collects metrics and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry import metrics

from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker.causes import cause_of
from omega_learn.partials import Partial
from omega_learn.phases import Desk, Phase, Plan
from omega_rpc.gauges import Figures, Looker
from omega_store import Store, pending_on, rounds
from omega_store.rounds import RoundFigures, Standing
from omega_store.threshold_counts import Collected

P = TypeVar("P", bound=Plan)
S = TypeVar("S", bound=Partial)

# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_federation_worker")
_rounds = _meter.create_counter(
    "omega.federation.rounds", unit="{round}", description="Rounds that ended, by how"
)
_durations = _meter.create_histogram(
    "omega.federation.round.duration",
    unit="s",
    description="Time of a round, however it ended",
    explicit_bucket_boundaries_advisory=spans.JOBS,
)
_decoded = _meter.create_counter(
    "omega.federation.sketches.decoded",
    unit="{sketch}",
    description="Sketches that published rounds decoded",
)
_devices = _meter.create_gauge(
    "omega.federation.devices", unit="{device}", description="Devices of the last published round"
)
_shift = _meter.create_gauge(
    "omega.federation.pattern.shift", unit="1", description="How far it moved the patterns, 0 to 2"
)
_quality = _meter.create_gauge(
    "omega.federation.quality", unit="1", description="Mean success rate of its patterns, 0 to 1"
)
_reports = _meter.create_counter(
    "omega.federation.reports",
    unit="{report}",
    description="Threshold reports that rounds took, counted and refused",
)
_opened = _meter.create_counter(
    "omega.federation.pairs.opened",
    unit="{pair}",
    description="Groups of reports of a title or a pair that rounds opened",
)
_spoiled = _meter.create_gauge(
    "omega.federation.pairs.spoiled",
    unit="{pair}",
    description="Groups with wrong shares in them that wait for another round",
)
_pairs = _meter.create_gauge(
    "omega.federation.pairs",
    unit="{pair}",
    description="Titles and pairs of reports behind the last refresh",
)
records: Figures[Standing] = Figures("the records of rounds")
"""What gauges tell of them, whichever worker ran the rounds."""
_last = _meter.create_observable_gauge(
    "omega.federation.last.success",
    [
        records.observing(
            lambda seen: [
                (ended_at.timestamp(), _kind(refresh=refresh))
                for refresh, ended_at in seen.ended_at.items()
            ]
        )
    ],
    unit="s",
    description="When a round was last published",
)
_mu = _meter.create_observable_gauge(
    "omega.federation.privacy.mu",
    [records.observing(lambda seen: [(seen.spent_mu, {})])],
    unit="1",
    description="Gaussian differential privacy that all rounds together have spent; 0 = no noise",
)


@dataclass
class Measured:
    """A round while it is worked on."""

    refresh: bool
    """Whether it learns from everything; until it is known, whether it was asked to."""
    published: tuple[RoundFigures, Standing] | None = None
    """What it came to, and what all rounds come to with it; None = nothing yet."""


@contextmanager
def round_of(*, refresh: bool) -> Iterator[Measured]:
    """Spans, times and counts a round, which the block works on."""
    measured = Measured(refresh)
    begun = time.monotonic()
    outcome = "succeeded"
    try:
        with spans.span("round"):
            yield measured
    except Exception as error:
        outcome = cause_of(error).code.value
        raise
    finally:
        kind = _kind(refresh=measured.refresh)
        _rounds.add(1, {**kind, "omega.outcome": outcome})
        _durations.record(time.monotonic() - begun, kind)
        if measured.published is not None:
            figures, standing = measured.published
            _decoded.add(figures.decoded)
            _devices.set(figures.devices)
            _shift.set(figures.pattern_shift)
            _quality.set(figures.quality)
            if figures.refreshed:
                _pairs.set(figures.pairs)
            records.tell(standing)


def collected(done: Collected) -> None:
    """Counts what came of threshold reports."""
    for outcome in ("taken", "counted", "refused"):
        _reports.add(getattr(done, outcome), {"omega.outcome": outcome})
    _opened.add(done.groups)
    _spoiled.set(done.spoiled)


def looker(home: Store) -> Looker[Standing]:
    """Looks at the records of rounds in a database for those who collect."""

    def look() -> Standing:
        with home.statements("look at rounds") as conn:
            if pending_on(conn):
                raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE, detail="it has no schema yet")
            return rounds.standing(conn)

    return records.looker(look)


def _kind(*, refresh: bool) -> dict[str, str]:
    return {"omega.kind": "refresh" if refresh else "step"}


class Phases:
    """A desk whose every phase is a span.

    Args:
        desk: asks the shards.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, phase: Phase[P, S, Any], make: Callable[[], P]) -> tuple[P, Callable[[], S]]:
        """As the desk's; merging is a span of its own."""
        with spans.span(f"phase {phase.name}"):
            plan, merged = self._desk.ask(phase, make)

        def spanned() -> S:
            with spans.span(f"merge {phase.name}"):
                return merged()

        return plan, spanned
