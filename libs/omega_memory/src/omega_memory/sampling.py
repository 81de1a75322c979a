"""Small statistics that the writers share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson_lower(successes: float, trials: float, z: float = Z) -> float:
    """Lower end of the score interval of a rate, 0 to 1; 0 without trials (Wilson 1927).

    Trials may be decayed, and so no whole number.
    """
    if trials <= 0:
        return 0.0
    rate = min(max(successes / trials, 0.0), 1.0)
    spread = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max((rate + z * z / (2 * trials) - spread) / (1 + z * z / trials), 0.0)


def rate_difference(first: tuple[float, float], second: tuple[float, float]) -> float:
    """p-value that two rates (successes, trials) are one: likelihood-ratio test (Wilks 1938).

    G = 2 sum O ln(O / E) over the 2 x 2 table, chi-square with one degree of freedom.
    """
    table = [(a, n - a) for a, n in (first, second)]
    total = sum(map(sum, table))
    if total <= 0:
        return 1.0
    columns = [sum(column) for column in zip(*table, strict=True)]
    # By hand: arrays of four numbers would take ten times as long, some hundred times a day.
    g = 2.0 * sum(
        held * math.log(held * total / (sum(row) * column))
        for row in table
        for held, column in zip(row, columns, strict=True)
        if held > 0
    )
    return math.erfc(math.sqrt(max(g, 0.0) / 2.0))


def adjusted(p_values: Sequence[float]) -> NDArray[np.float64]:
    """p-values (n,) such that of those <= q a share q at most is false.

    Benjamini & Hochberg 1995, Controlling the false discovery rate.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    stepped = np.minimum.accumulate(p[order] * len(p) / ranks)
    found = np.empty(len(p))
    found[order] = np.minimum(stepped, 1.0)
    return found
