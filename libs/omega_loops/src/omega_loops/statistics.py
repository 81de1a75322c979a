"""Figures of each loop, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from omega_loops.report import Outcome, Report

ACCURACY = 0.01
"""Relative error of a percentile."""
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LEAST, _MOST = 1e-6, 1e10
"""Seconds; what lies outside is counted at the edge."""


class Percentiles:
    """Percentiles of seconds within 1 %, in at most 1,900 counters.

    Logarithmic buckets as in Masson, Rim and Lee, "DDSketch", PVLDB 12 (2019).
    """

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._buckets)

    def add(self, seconds: float) -> None:
        """Counts one value; below 0 counts as 0."""
        held = min(max(seconds, _LEAST), _MOST)
        self._buckets[math.ceil(math.log(held, _GAMMA))] += 1

    def at(self, share: float) -> float:
        """The value below or at which `share` (0 to 1) of all lie; 0 without values."""
        rank = share * (self._buckets.total() - 1)
        below = 0
        for bucket, count in sorted(self._buckets.items()):
            below += count
            if below > rank:
                value = 2 * _GAMMA**bucket / (_GAMMA + 1)
                return 0.0 if value <= _LEAST * _GAMMA else value
        return 0.0


@dataclass(frozen=True)
class LoopStatistics:
    """Figures of a loop since start."""

    finished: int = 0
    """Cycles or events completed."""
    runs: int = 0
    """Calls of the job: at least one a cycle."""
    coalesced: int = 0
    """Due instants answered by a later one's cycle."""
    late: int = 0
    """Events that ended after their deadline. A periodic loop that is late by a period coalesces,
    so it counts none here."""
    failed: int = 0
    """Runs that raised, and results and schedules that could not be kept."""
    abandoned: int = 0
    """Events given up after too many failures."""
    refused: int = 0
    """Events not taken because too many waited."""
    over_budget: int = 0
    """Runs that took longer than their budget."""
    yields: int = 0
    """Runs that ended early for something more urgent."""
    rebased: int = 0
    """Times that the schedule followed a clock that went back."""
    lateness_p50: float = 0.0
    """Median of Report.lateness of finished cycles, seconds, within 1 %."""
    lateness_p99: float = 0.0
    """99th percentile, the same."""
    last: Report | None = None
    """Latest report."""


class Recorder:
    """Collects one loop's figures. The caller locks."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lateness = Percentiles()
        self._last: Report | None = None

    def refused(self) -> None:
        """An event was not taken."""
        self._counts["refused"] += 1

    def ran(self, report: Report, *, over_budget: bool) -> None:
        """A run ended, and took longer than its budget or did not."""
        counts, outcome = self._counts, report.outcome
        self._last = report
        if outcome is Outcome.ANCHORED:
            return
        if outcome is Outcome.REBASED:
            counts["rebased"] += 1
            return
        counts["runs"] += report.runs > 0
        counts["over_budget"] += over_budget
        counts["yields"] += outcome is Outcome.YIELDED
        counts["failed"] += outcome in {Outcome.FAILED, Outcome.ABANDONED}
        counts["abandoned"] += outcome is Outcome.ABANDONED
        if outcome is Outcome.FINISHED:
            counts["finished"] += 1
            counts["coalesced"] += report.coalesced
            self._lateness.add(report.lateness)
        if outcome in {Outcome.FINISHED, Outcome.ABANDONED} and report.loop.has_deadline:
            counts["late"] += report.lateness > report.loop.period.total_seconds()

    def snapshot(self) -> LoopStatistics:
        """The figures now."""
        return LoopStatistics(
            **self._counts,
            lateness_p50=self._lateness.at(0.5),
            lateness_p99=self._lateness.at(0.99),
            last=self._last,
        )
