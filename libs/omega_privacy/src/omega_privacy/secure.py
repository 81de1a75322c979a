"""Chance that nobody can foresee or reconstruct: all of it from the operating system."""

from __future__ import annotations

import math
import os
import secrets
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

_RANDOM = secrets.SystemRandom()
SHORTEST_SHARE = 12
"""The shortest delay is the longest divided by this."""


def secure_normal(count: int) -> NDArray[np.float64]:
    """Standard normal numbers, float64 (count,); count at least 0.

    Box-Muller over the operating system's secure random bytes, 128 bits a pair of numbers, so no
    generator state exists that could be reconstructed. The tails end at 8.6: 2^-53 is the least
    uniform number.
    """
    half = -(-count // 2)
    words = np.frombuffer(os.urandom(16 * half), "<u8") >> np.uint64(11)
    uniform = words.astype(np.float64) * 2.0**-53
    radius = np.sqrt(-2.0 * np.log1p(-uniform[:half]))
    angle = 2.0 * math.pi * uniform[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def draw_delay(longest: timedelta) -> timedelta:
    """How long a sketch waits before it may leave: evenly between longest / 12 and longest.

    Args:
        longest: at least 0; 0 gives 0.
    """
    if not longest:
        return longest
    return longest * _RANDOM.uniform(1 / SHORTEST_SHARE, 1.0)
