"""Shares of a secret: any t of them give it, fewer give nothing (Shamir 1979).

Over the integers modulo the order of ristretto255, so that secrets come uniformly from the group
library's own reduction. Python's integers do the sums: who computes shares knows the secret, and
who puts them together is to learn it, so time tells nobody anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from omega_threshold.ristretto import ORDER


def share(coefficients: Sequence[int], x: int) -> int:
    """The polynomial's value at `x`, by Horner's rule.

    Args:
        coefficients: the secret, then t - 1 others; each below ORDER.
        x: 1 to ORDER - 1; at 0 the value is the secret itself.
    """
    return reduce(lambda value, each: (value * x + each) % ORDER, reversed(coefficients), 0)


def secret_of(points: Sequence[tuple[int, int]]) -> int:
    """The value at 0 of the one polynomial of degree below len(points) that holds all points.

    Lagrange's formula, as one fraction: a division costs forty times what a product does.

    Args:
        points: (x, share) with x of their own, none of them 0.
    """
    above, below = 0, 1
    for x, value in points:
        others = [other for other, _ in points if other != x]
        weight, divisor = math.prod(others), math.prod(other - x for other in others)
        above = (above * divisor + value * weight * below) % ORDER
        below = below * divisor % ORDER
    return above * pow(below, -1, ORDER) % ORDER
