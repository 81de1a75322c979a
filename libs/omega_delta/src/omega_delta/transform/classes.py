"""Figures of patterns and trends as small integers; every class stands for an exact float."""

from __future__ import annotations

import math

from omega_delta.transform import layout


def rate_class(rate: float) -> int:
    """Class of a success rate from 0 to 1, 0 to 128."""
    return round(rate * layout.RATES)


def rate_of(number: int) -> float:
    """Success rate of a class."""
    return number / layout.RATES


def floor_class(devices: int) -> int:
    """Class of a number of devices, a power of two from 2 on: its binary logarithm, 1 to 31."""
    return devices.bit_length() - 1


def floor_of(number: int) -> int:
    """Number of devices of a class."""
    return 1 << number


def weight_class(weight: float) -> int:
    """Class of a weight from 0 to 1, 0 to 137: eight to an octave, within a sixteenth."""
    if weight < weight_of(1):
        return round(weight / weight_of(1))
    mantissa, exponent = math.frexp(weight)  # mantissa from .5 on
    return 8 * (exponent + 15) + round(16 * mantissa) + 1


def weight_of(number: int) -> float:
    """Weight of a class: 0 of 0; (8 + m) x 2^(e - 20) of 1 + 8 e + m, m from 0 to 7."""
    octave, eighth = divmod(number - 1, 8)
    return math.ldexp(8 + eighth, octave - 20) if number else 0.0


def score_class(score: float) -> int:
    """Class of a trend's score above 0 up to 1, 1 to 64."""
    return max(1, round(score * layout.SCORES))


def score_of(number: int) -> float:
    """Score of a class."""
    return number / layout.SCORES
