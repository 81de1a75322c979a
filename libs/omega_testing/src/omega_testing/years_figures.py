"""What years of watching came to, in figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from omega_loops import DEADLINE_LOOPS, Loop, Outcome, Report

_MOST_FAULTS = 100


@dataclass
class LoopWork:
    """What one loop did over the years."""

    finished: int = 0
    """Cycles, or events."""
    coalesced: int = 0
    """Due instants that a later cycle answered."""
    failed: int = 0
    """Runs that raised."""
    runs: int = 0
    """Calls of the job."""
    seconds: float = 0.0
    """Real time worked."""
    cpu: float = 0.0
    """Seconds of the processor, as its share of the real time."""
    longest: float = 0.0
    """Real time of the longest cycle."""
    lateness: list[float] = field(default_factory=list)
    """From event to end, real seconds; of the deadline loops."""
    changes: Counter[str] = field(default_factory=Counter)
    """What was changed, how often."""

    def add(self, report: Report) -> None:
        """Counts a report of a run."""
        self.failed += report.outcome in {Outcome.FAILED, Outcome.ABANDONED}
        if report.outcome is not Outcome.FINISHED:
            return
        self.finished += 1
        self.coalesced += report.coalesced
        self.runs += report.runs
        self.seconds += report.seconds
        self.longest = max(self.longest, report.seconds)
        self.changes.update(report.changes)
        if report.loop in DEADLINE_LOOPS:
            self.lateness.append(report.lateness)

    def late(self, share: float) -> float:
        """The lateness that `share` of the events stay within, seconds; 0 without events."""
        return quantile(self.lateness, share)


@dataclass(frozen=True)
class Size:
    """How large everything was once."""

    day: int
    """When."""
    rss_mb: float
    """The process, simulation included."""
    disk_mb: float
    """The storage directory."""
    titles: int
    """The catalogue."""
    patterns: int
    """Taste patterns of everybody."""
    edges: int
    """Causal edges of everybody."""
    new_taste: float
    """What part of the adult's taste patterns is of the genres after the shift: 0 to 1 beside
    those before it."""


@dataclass
class YearsFigures:
    """What years of watching came to."""

    days: int = 0
    """Days simulated so far."""
    on: timedelta = timedelta()
    """Time that the TV was on."""
    events: int = 0
    """Events told, moments included."""
    viewings: int = 0
    """Those that ended a viewing."""
    beside: int = 0
    """Events told while a periodic loop was at work."""
    lists: int = 0
    """Lists asked for."""
    listing: list[float] = field(default_factory=list)
    """Real seconds of each."""
    firsts: int = 0
    """Titles watched that were new to who watched, each just after a list was asked for."""
    hits: int = 0
    """Those that stood in the list."""
    closed: int = 0
    """Times that the brain was closed and opened."""
    cut: int = 0
    """Times that its power was cut."""
    audits: int = 0
    """Times that everything was held to the oracle."""
    faults: list[str] = field(default_factory=list)
    """What was not as it must be; the first hundred."""
    work: dict[Loop, LoopWork] = field(default_factory=lambda: {loop: LoopWork() for loop in Loop})
    """By loop."""
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Real seconds by what was done."""
    fullest: dict[str, int] = field(default_factory=dict)
    """Tier -> most memories at the end of an evening."""
    sizes: list[Size] = field(default_factory=list)
    """Every 30 days."""

    def fault(self, text: str) -> None:
        """Notes something wrong."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)

    def worked(self, reports: list[Report], cpu: float) -> None:
        """Counts what a tick did, and who worked how much of its processor time."""
        total = sum(report.seconds for report in reports)
        for report in reports:
            self.work[report.loop].add(report)
            self.work[report.loop].cpu += cpu * report.seconds / total if total else 0.0


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of all stay within; 0 without values."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
