"""The space that is searched: few dimensions, all of about the same reach, the origin = no change.

Weights of the ranking matter up to a common factor, so the collaborative one is the unit and the
others lie on a logarithmic scale beside it (Hansen 2016 advises such scales for CMA-ES). Half-life
and the weight of titles seen without strong opinion take the values of a short grid, because each
value needs a matrix of terms of its own.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import TunedSettings

DIMENSIONS = 7
"""content, genre, nearest, half-life, seen weight, popularity, diversity."""
HALF_LIVES = (0.25, 0.5, 1.0, 2.0)
"""Factors on the half-life that are tried."""
SEEN_WEIGHTS = (1.0, 3.0)
"""Factors on the seen weight that are tried, beside a half-life that is not changed."""
REACH = 2.0
"""Greatest distance from the origin in each dimension."""
Point = NDArray[np.float64]
"""(DIMENSIONS,)"""

_MOST_DIVERSITY = 4.0
_LEAST = 1e-3
_POPULARITY_SCALE = 0.5
_FACTORS = ("content", "genre", "nearest")
_HALVINGS = 2.0
"""Halvings of the half-life by a step of 1."""


def bounds() -> NDArray[np.float64]:
    """(DIMENSIONS, 2) least and greatest of each dimension."""
    return np.tile(np.array([-REACH, REACH]), (DIMENSIONS, 1))


def to_settings(point: Point, ef: int = 0) -> TunedSettings:
    """The settings at a point, snapped to the grid.

    A step of 1 multiplies a weight and the share of diversity by e, and the half-life by four
    (before it is snapped); it adds half to the popularity, which below 0 is none.
    """
    half_life = _snapped(HALF_LIVES, 2.0 ** (_HALVINGS * float(point[3])))
    seen_weight = _snapped(SEEN_WEIGHTS, math.exp(float(point[4])))
    factors = {name: math.exp(float(point[i])) for i, name in enumerate(_FACTORS)}
    return TunedSettings(
        **factors,
        half_life=half_life,
        seen_weight=seen_weight if half_life == 1.0 else 1.0,
        popularity=max(0.0, _POPULARITY_SCALE * float(point[5])),
        diversity=min(math.exp(float(point[6])), _MOST_DIVERSITY),
        ef=ef,
    )


def to_point(settings: TunedSettings) -> Point:
    """Where settings lie, within reach: to_settings gives back what it made."""
    weights = [getattr(settings, name) / settings.collaborative for name in _FACTORS]
    point = np.array(
        [
            *(math.log(weight) for weight in weights),
            math.log2(settings.half_life) / _HALVINGS,
            math.log(max(settings.seen_weight, _LEAST)),
            settings.popularity / _POPULARITY_SCALE,
            math.log(max(settings.diversity, _LEAST)),
        ]
    )
    return np.asarray(np.clip(point, -REACH, REACH), np.float64)


def tastes() -> tuple[TunedSettings, ...]:
    """One setting for each matrix of terms that the grid needs."""
    shipped = TunedSettings()
    found = [replace(shipped, half_life=factor) for factor in HALF_LIVES]
    found += [replace(shipped, seen_weight=factor) for factor in SEEN_WEIGHTS if factor != 1.0]
    return tuple(found)


def _snapped(grid: tuple[float, ...], factor: float) -> float:
    return min(grid, key=lambda each: abs(math.log(each / factor)))


def taste_of(settings: TunedSettings) -> tuple[float, float]:
    """Names the matrix of terms that `settings` ranks with."""
    return settings.half_life, settings.seen_weight
