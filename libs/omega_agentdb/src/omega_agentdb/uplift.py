"""How much more often something follows a cause than it does otherwise, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple

_MOST_SIGMAS = 8.0
_HALVINGS = 25


class Table(NamedTuple):
    """Decayed viewings, counted two ways."""

    joint: float
    """With the cause and the effect."""
    cause: float
    """With the cause."""
    effect: float
    """With the effect."""
    all: float
    """Altogether."""


Proportion = tuple[float, float]
"""A share, 0 to 1, and the sample size it was seen in."""


@dataclass(frozen=True)
class Uplift:
    """P(effect | cause) - P(effect), with its interval."""

    value: float
    """-1 to 1."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    proportions: tuple[Proportion, Proportion] | None = field(default=None, repr=False)
    """How often the effect was there with the cause, and without it; None = one of them never
    was."""

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.low <= 0 <= self.high

    @property
    def confidence(self) -> float:
        """Highest level, 0 to 1, at which the interval leaves out 0."""
        return 0.0 if self.proportions is None else _confidence(*self.proportions)


def uplift(table: Table, level: float) -> Uplift:
    """The uplift of a cause over the base rate.

    P(e | c) - P(e) = (1 - P(c)) (P(e | c) - P(e | not c)), and the two on the right come from
    different viewings: their difference has the hybrid score interval of Newcombe 1998 (method 10,
    Statistics in Medicine 17:873-890), made of the Wilson intervals of both. It is scaled by
    1 - P(c), taken as known. Decayed counts serve as sample sizes; that is less than what they are
    worth, so intervals are rather too wide.

    Args:
        table: counts; joint at most cause and effect, each at most all, but for rounding.
        level: confidence of the interval, above 0 and below 1.
    """
    parts = _parts(table)
    if parts is None:
        return Uplift(0.0, 0.0, 0.0)
    share = 1.0 - table.cause / table.all
    low, high = _interval(*parts, NormalDist().inv_cdf(0.5 + level / 2))
    (first, _), (second, _) = parts
    return Uplift(share * (first - second), share * low, share * high, parts)


def _parts(table: Table) -> tuple[Proportion, Proportion] | None:
    """(P, n) with the cause and without it; None where one of them never was."""
    without = table.all - table.cause
    if table.cause <= 0 or without <= 1e-9 * table.all:  # or nothing but rounding
        return None
    with_cause = min(1.0, max(0.0, table.joint / table.cause))
    otherwise = min(1.0, max(0.0, (table.effect - table.joint) / without))
    return (with_cause, table.cause), (otherwise, without)


def _interval(first: Proportion, second: Proportion, sigmas: float) -> tuple[float, float]:
    """Newcombe's interval of a difference of proportions, each given as (p, n)."""
    (p, n), (q, m) = first, second
    p_low, p_high = wilson(p, n, sigmas)
    q_low, q_high = wilson(q, m, sigmas)
    below = math.hypot(p - p_low, q_high - q)
    above = math.hypot(p_high - p, q - q_low)
    return p - q - below, p - q + above


def _confidence(first: Proportion, second: Proportion) -> float:
    """The level at which an end of the interval touches 0, by bisection: it widens with it."""
    none, most = 0.0, _MOST_SIGMAS
    for _ in range(_HALVINGS):
        middle = (none + most) / 2
        low, high = _interval(first, second, middle)
        none, most = (none, middle) if low <= 0 <= high else (middle, most)
    return 2 * NormalDist().cdf(none) - 1


def wilson(share: float, n: float, sigmas: float) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927).

    Args:
        share: what was seen, 0 to 1.
        n: sample size, above 0.
        sigmas: quantile of the normal distribution, at least 0.
    """
    z2 = sigmas * sigmas
    middle = share + z2 / (2 * n)
    reach = sigmas * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, (middle - reach) / (1 + z2 / n)), min(1.0, (middle + reach) / (1 + z2 / n))
