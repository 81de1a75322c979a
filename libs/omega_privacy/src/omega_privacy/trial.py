"""Whether a version that some households have does worse than the one that the others have.

Reports come day by day, from many of the same households. The two sides are compared within each
day (a Saturday is not compared with a Monday), the days are added up by how much they tell, and the
variance is bounded from above by what it would be if every household gave the same truth each day.
So a test at any moment keeps its level whatever hangs together. Tests are repeated as reports come
in, each time that there are a quarter more of them, and the k-th may err with 6 level / (pi k)^2,
which adds up to the level however many follow: a spending of the level over looks (Lan & DeMets,
Discrete sequential boundaries for clinical trials, 1983) by the union bound, which asks nothing of
how looks depend on each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

from omega_core import validate
from omega_privacy.response import noise_variance, unbiased

_GROWTH = 1.25
_MOST_TRUTH_VARIANCE = 0.25
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Cell:
    """Reports of one side, day and epsilon."""

    candidate: bool
    """Whether the households have the new version; else the one before."""
    period: int
    """The day."""
    epsilon: float
    """Of the randomisation."""
    reports: int
    """How many, at least 1."""
    positive: int
    """Of them, those that said yes."""


@dataclass(frozen=True)
class Rules:
    """What a version has to show."""

    margin: float = 0.05
    """Loss in the share of households that watched what was recommended from which on a version is
    not let through, 0.005 to 0.5."""
    least_reports: int = 200
    """Reports of either side before the first look, 20 to 1,000,000."""
    false_alarm: float = 0.005
    """Chance at most that a version which is no worse is ever found worse, 1e-6 to 0.1."""
    false_pass: float = 0.05
    """Chance at most that a version which is worse by the margin or more is ever let through, 1e-6
    to 0.2."""

    def __post_init__(self) -> None:
        validate.number("margin", self.margin, 0.005, 0.5)
        validate.integer("least_reports", self.least_reports, 20, 1_000_000)
        validate.number("false_alarm", self.false_alarm, 1e-6, 0.1)
        validate.number("false_pass", self.false_pass, 1e-6, 0.2)


@dataclass(frozen=True)
class Looks:
    """What earlier looks leave to the next; stored with the release."""

    count: int = 0
    """Looks so far."""
    reports: int = 0
    """Of the smaller side, at the last one."""
    passed: bool = False
    """Whether the last one found the version no worse than the margin."""


class Verdict(Enum):
    """What a look found."""

    OPEN = "open"
    """Nothing yet."""
    PASSED = "passed"
    """Not worse by the margin."""
    WORSE = "worse"
    """Worse than the version before."""


@dataclass(frozen=True)
class Side:
    """How one side fares."""

    reports: int
    """All of them."""
    positive: int
    """Of them, those that said yes."""
    estimate: float
    """Share of reports whose truth is yes, unbiased; 0 without reports."""
    error: float
    """Bound on its standard error; 0 without reports."""


@dataclass
class _Day:
    """Unbiased mean of one side and day, over its epsilons by how much each tells."""

    reports: int = 0
    weight: float = 0.0
    total: float = 0.0
    noise: float = 0.0
    truth: float = 0.0

    def add(self, cell: Cell) -> None:
        weight = cell.reports / (noise_variance(cell.epsilon) + _MOST_TRUTH_VARIANCE)
        self.reports += cell.reports
        self.total += weight * unbiased(cell.positive / cell.reports, cell.epsilon)
        self.noise += weight**2 * noise_variance(cell.epsilon) / cell.reports
        self.truth += weight**2 * _MOST_TRUTH_VARIANCE / cell.reports
        self.weight += weight

    @property
    def mean(self) -> float:
        return self.total / self.weight

    @property
    def noise_of_mean(self) -> float:
        """Variance that the randomisation gives the mean; independent from day to day."""
        return self.noise / self.weight**2

    @property
    def spread(self) -> float:
        """Standard deviation at most that the households give the mean; the same ones each day."""
        return math.sqrt(self.truth) / self.weight


def side(cells: Iterable[Cell], *, candidate: bool) -> Side:
    """How a side fares over all days."""
    mine = [cell for cell in cells if cell.candidate == candidate]
    days = _days(mine)
    if not days:
        return Side(0, 0, 0.0, 0.0)
    reports = sum(cell.reports for cell in mine)
    shares = {period: day.reports / reports for period, day in days.items()}
    estimate = sum(shares[period] * day.mean for period, day in days.items())
    error = math.sqrt(_variance(days, shares))
    return Side(reports, sum(cell.positive for cell in mine), estimate, error)


def difference(cells: Iterable[Cell]) -> tuple[float, float] | None:
    """Candidate less control over the days that both have reports of, and its standard error.

    Days are weighted by n m / (n + m), n and m the reports of the sides (Mantel & Haenszel 1959).
    The error is a bound from above: sqrt(sum w^2 noise + (sum w spread)^2) of each side, added in
    squares. None = there is no such day.
    """
    told = list(cells)
    new = _days(cell for cell in told if cell.candidate)
    old = _days(cell for cell in told if not cell.candidate)
    both = sorted(new.keys() & old.keys())
    if not both:
        return None
    weights = {
        day: new[day].reports * old[day].reports / (new[day].reports + old[day].reports)
        for day in both
    }
    whole = sum(weights.values())
    shares = {day: weight / whole for day, weight in weights.items()}
    found = sum(share * (new[day].mean - old[day].mean) for day, share in shares.items())
    return found, math.sqrt(_variance(new, shares) + _variance(old, shares))


def look(cells: Iterable[Cell], looks: Looks, rules: Rules) -> tuple[Verdict, Looks]:
    """What the reports say by now, and what to hand to the next look.

    It may be called at any time: where there are not a quarter more reports than at the last look,
    it is no look, spends nothing and repeats what the last one found.

    Args:
        cells: all reports of the stage.
        looks: of the stage; Looks() at its beginning.
        rules: what the version has to show.
    """
    told = list(cells)
    smaller = min(sum(c.reports for c in told if c.candidate == which) for which in (True, False))
    due = max(rules.least_reports, math.ceil(_GROWTH * looks.reports))
    found = difference(told) if smaller >= due else None
    if found is None:
        return (Verdict.PASSED if looks.passed else Verdict.OPEN), looks
    count = looks.count + 1
    value, error = found
    if value + _quantile(rules.false_alarm, count) * error < 0:
        return Verdict.WORSE, Looks(count, smaller, passed=False)
    passed = value - _quantile(rules.false_pass, count) * error > -rules.margin
    return (Verdict.PASSED if passed else Verdict.OPEN), Looks(count, smaller, passed)


def _quantile(level: float, count: int) -> float:
    """Standard errors that the k-th look asks for."""
    return -_NORMAL.inv_cdf(6 * level / (math.pi * count) ** 2)


def _days(cells: Iterable[Cell]) -> dict[int, _Day]:
    days: dict[int, _Day] = defaultdict(_Day)
    for cell in cells:
        days[cell.period].add(cell)
    return dict(days)


def _variance(days: dict[int, _Day], shares: dict[int, float]) -> float:
    noise = sum(share**2 * days[day].noise_of_mean for day, share in shares.items())
    spread = sum(share * days[day].spread for day, share in shares.items())
    return noise + spread**2
