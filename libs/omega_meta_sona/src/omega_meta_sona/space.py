"""The space that is searched: few dimensions, all of about the same reach, the origin = no change.

Weights of the ranking matter up to a common factor, so the collaborative one is the unit and the
others lie on a logarithmic scale beside it (Hansen 2016 advises such scales for CMA-ES). The
half-life takes the values of a short grid, because each value needs a matrix of terms of its own.
The weight of titles seen without strong opinion is not searched: on MovieLens what it gains a
household in one half of its history says nothing of the other half.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import TunedSettings

DIMENSIONS = 6
"""Content, genre, nearest, half-life, popularity, diversity."""
HALF_LIVES = (0.25, 0.5, 1.0, 2.0)
"""Factors on the half-life that are tried."""
PRICES = (2.0, 2.0, 1.0, 1.0, 0.3, 2.0)
"""What a step of 1 costs in each dimension. A leaning towards popular titles, away from nearest
ones or to a shorter memory that showed in the first half of a household's history on MovieLens
showed in the second more often than not; the other dimensions must show more before they move."""
REACH = 2.0
"""Greatest distance from the origin in each dimension."""
Point = NDArray[np.float64]
"""(DIMENSIONS,)"""

_LEAST = 1e-3
_POPULARITY_SCALE = 0.5
_HALVINGS = 2.0
"""Halvings of the half-life by a step of 1."""


def around(origin: Point, trust: float) -> NDArray[np.float64]:
    """(DIMENSIONS, 2) least and greatest of each dimension, no further than `trust` away."""
    low, high = np.maximum(origin - trust, -REACH), np.minimum(origin + trust, REACH)
    return np.stack([low, high], axis=1)


def to_settings(point: Point, ef: int = 0) -> TunedSettings:
    """The settings at a point, the half-life snapped to the grid.

    A step of 1 multiplies a weight by e, the half-life by four and the share of diversity by the
    root of two; it adds half to the popularity, which below 0 is none.
    """
    content, genre, nearest, half_life, popularity, diversity = (float(value) for value in point)
    return TunedSettings(
        content=math.exp(content),
        nearest=math.exp(nearest),
        genre=math.exp(genre),
        half_life=_snapped(2.0 ** (_HALVINGS * half_life)),
        popularity=max(0.0, _POPULARITY_SCALE * popularity),
        diversity=2.0 ** (diversity / REACH),
        ef=ef,
    )


def to_point(settings: TunedSettings) -> Point:
    """Where settings lie, within reach: the inverse of to_settings on what it makes."""
    point = (
        math.log(settings.content / settings.collaborative),
        math.log(settings.genre / settings.collaborative),
        math.log(settings.nearest / settings.collaborative),
        math.log2(settings.half_life) / _HALVINGS,
        settings.popularity / _POPULARITY_SCALE,
        math.log2(max(settings.diversity, _LEAST)) * REACH,
    )
    return np.clip(np.array(point, np.float64), -REACH, REACH)


def tastes() -> tuple[TunedSettings, ...]:
    """One setting for each matrix of terms that the grid needs."""
    return tuple(TunedSettings(half_life=factor) for factor in HALF_LIVES)


def _snapped(factor: float) -> float:
    return min(HALF_LIVES, key=lambda each: abs(math.log(each / factor)))


def taste_of(settings: TunedSettings) -> tuple[float, float]:
    """Names the matrix of terms that `settings` ranks with."""
    return settings.half_life, settings.seen_weight
