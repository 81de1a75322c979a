"""Randomised response: one bit about a household of which nobody can say that it is true.

Warner, Randomized response: a survey technique for eliminating evasive answer bias, 1965. The truth
is told with probability e^epsilon / (1 + e^epsilon), else its opposite; that is local differential
privacy with epsilon, whatever a receiver knows beside it.
"""

from __future__ import annotations

import hashlib
import hmac
import math

from omega_core import limits, validate
from omega_core.errors import invalid

MIN_EPSILON, MAX_EPSILON = limits.MIN_EPSILON / 100, limits.MAX_EPSILON / 100
"""Bounds of epsilon."""
KEY_BYTES = 32
"""Length of the key of a household's chance."""


def honesty(epsilon: float) -> float:
    """Probability of the truth: e^epsilon / (1 + e^epsilon), above 1/2.

    Raises:
        OmegaError: INVALID_FIELD epsilon.
    """
    validate.number("epsilon", epsilon, MIN_EPSILON, MAX_EPSILON)
    return 1 / (1 + math.exp(-epsilon))


def respond(key: bytes, period: int, epsilon: float, *, truth: bool) -> bool:
    """The answer of a household for a period.

    Its chance is an HMAC (RFC 2104) of the period under a key that never leaves the TV. So it is
    the same however often the answer is made, also by a TV that was put back from a backup:
    repetition cannot average it away.

    Args:
        key: KEY_BYTES from the operating system's secure chance.
        period: at least 0.
        epsilon: MIN_EPSILON to MAX_EPSILON.
        truth: what is asked for.

    Raises:
        OmegaError: INVALID_FIELD key or epsilon.
    """
    if len(key) != KEY_BYTES:
        raise invalid("key", f"{KEY_BYTES} bytes")
    drawn = hmac.digest(key, b"report %d" % period, hashlib.sha256)
    chance = int.from_bytes(drawn[:8], "big") / 2**64
    return truth if chance < honesty(epsilon) else not truth


def unbiased(share: float, epsilon: float) -> float:
    """The share of households whose truth is yes, from the share of answers that say yes.

    (share + p - 1) / (2 p - 1), p the honesty (Warner 1965); below 0 or above 1 by chance.
    """
    p = honesty(epsilon)
    return (share + p - 1) / (2 * p - 1)


def noise_variance(epsilon: float) -> float:
    """Variance that the randomisation adds to unbiased() of one answer: p (1 - p) / (2 p - 1)^2."""
    p = honesty(epsilon)
    return p * (1 - p) / (2 * p - 1) ** 2
