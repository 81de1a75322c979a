"""Formal privacy of sketches and of published statistics: true for every attacker, and weak.

A sketch is a function of `e + sigma / sqrt(384) * noise`, so what holds of that sum holds of it
(post-processing). Two centred unit vectors lie at most 2 apart, therefore a sketch is a Gaussian
mechanism with mu = 2 sqrt(384) / sigma: no test tells one title from another better than a unit
normal from one that is shifted by mu (Dong, Roth & Su, Gaussian differential privacy, 2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omega_core import validate
from omega_core.errors import invalid
from omega_core.limits import DIMENSION

DELTA = 1e-5
"""Where epsilon is stated."""
DISTANCE = 2.0
"""Largest distance between two centred unit vectors: the sensitivity."""
SIGMAS = (3.0, 4.0, 4.5, 5.0, 6.0, 8.0)
"""Noise scales that are looked at."""
_SERIES_BELOW = -20.0
_STEPS = 200


@dataclass(frozen=True)
class Account:
    """What one noise scale guarantees."""

    sigma: float
    """Noise scale."""
    epsilon: float
    """Of one sketch, at DELTA, exact for the Gaussian mechanism."""
    epsilons: tuple[tuple[int, float], ...]
    """(k, epsilon of k sketches together) at DELTA."""
    epsilon_zcdp: float
    """Of one sketch by zero-concentrated differential privacy: a cross-check from above."""
    bits: float
    """Most bits that one sketch tells about its title on average, whatever its receiver knows."""


def sketch_mu(sigma: float, sketches: int = 1) -> float:
    """Gaussian differential privacy of sketches of titles that all change: sqrt(k) 2 sqrt(384) / s.

    Args:
        sigma: noise scale, greater than 0.
        sketches: k, at least 1; mu composes as the root of the sum of squares.

    Raises:
        OmegaError: INVALID_FIELD sigma or sketches.
    """
    if not sigma > 0:
        raise invalid("sigma", "greater than 0")
    validate.integer("sketches", sketches, 1, 2**31)
    return math.sqrt(sketches * DIMENSION) * DISTANCE / sigma


def composed(mus: Iterable[float]) -> float:
    """Mu of everything together: the root of the sum of squares (Dong, Roth & Su 2022, Cor. 2)."""
    return math.sqrt(math.fsum(mu * mu for mu in mus))


def delta_of(epsilon: float, mu: float) -> float:
    """Least delta of a mu-Gaussian mechanism at an epsilon, 0 to 1.

    Phi(mu / 2 - epsilon / mu) - exp(epsilon) Phi(-mu / 2 - epsilon / mu) (Balle & Wang, Improving
    the Gaussian mechanism, 2018, theorem 8).

    Args:
        epsilon: at least 0.
        mu: greater than 0.

    Raises:
        OmegaError: INVALID_FIELD epsilon or mu.
    """
    if not epsilon >= 0:
        raise invalid("epsilon", "at least 0")
    if not mu > 0:
        raise invalid("mu", "greater than 0")
    first = _log_phi(mu / 2 - epsilon / mu)
    second = epsilon + _log_phi(-mu / 2 - epsilon / mu)
    if second >= first:
        return 0.0
    return math.exp(first) * -math.expm1(second - first)


def epsilon_of(mu: float, delta: float = DELTA) -> float:
    """Least epsilon of a mu-Gaussian mechanism at a delta: where delta_of falls to it.

    Args:
        mu: at least 0; 0 gives 0.
        delta: above 0, below 1.

    Raises:
        OmegaError: INVALID_FIELD mu or delta.
    """
    if not 0 < delta < 1:
        raise invalid("delta", "above 0 and below 1")
    if not 0 <= mu < math.inf:
        raise invalid("mu", "at least 0")
    if not mu or delta_of(0.0, mu) <= delta:
        return 0.0
    low, high = 0.0, 1.0
    while delta_of(high, mu) > delta:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if delta_of(middle, mu) > delta:
            low = middle
        else:
            high = middle
    return high


def epsilon_zcdp(mu: float, delta: float = DELTA) -> float:
    """An epsilon from the mechanism's Renyi divergences alone: alpha mu^2 / 2 of each order alpha.

    That is zero-concentrated privacy with rho = mu^2 / 2 (Bun & Steinke 2016), which adds up over
    mechanisms. Turned into epsilon by proposition 12 of Canonne, Kamath & Steinke (The discrete
    Gaussian for differential privacy, 2020), at the best order; never below epsilon_of.

    Args:
        mu: at least 0.
        delta: above 0, below 1.

    Raises:
        OmegaError: INVALID_FIELD mu or delta.
    """
    if not 0 < delta < 1:
        raise invalid("delta", "above 0 and below 1")
    if not 0 <= mu < math.inf:
        raise invalid("mu", "at least 0")
    rho = mu * mu / 2

    def bound(log_excess: float) -> float:
        alpha = 1 + math.exp(log_excess)
        return alpha * rho + (
            (math.log(1 / delta) - math.log(alpha)) / (alpha - 1) + math.log1p(-1 / alpha)
        )

    low, high = -15.0, 15.0
    for _ in range(_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if bound(left) < bound(right):
            high = right
        else:
            low = left
    return max(bound((low + high) / 2), 0.0)


def bits_bound(sigma: float) -> float:
    """Most bits of mutual information between a title and its sketch: 384 (1 - h(Q(1 / sigma))).

    A sketch is 384 uses of a channel of one bit output under normal noise, with 1 / 384 of power
    each on average. Such a use carries at most 1 - h(Q(sqrt(SNR))) bits, h the binary entropy and
    Q the normal tail (Singh, Dabeer & Madhow, On the limits of communication with low-precision
    analog-to-digital conversion, 2009), and a capacity is concave in power, so spreading the power
    evenly carries most. It holds for every catalogue and whatever the receiver knows beforehand;
    k sketches tell at most k times as much.

    Args:
        sigma: noise scale, greater than 0.

    Raises:
        OmegaError: INVALID_FIELD sigma.
    """
    if not sigma > 0:
        raise invalid("sigma", "greater than 0")
    tail = 0.5 * math.erfc(1 / (sigma * math.sqrt(2)))
    excess = 1 - 2 * tail
    # 1 - h((1 - x) / 2), in a form that loses no digit where x is small.
    kept = (1 + excess) * math.log1p(excess)
    if excess < 1:
        kept += (1 - excess) * math.log1p(-excess)
    return DIMENSION * kept / (2 * math.log(2))


def account(sigma: float, sketches: Sequence[int] = (16,)) -> Account:
    """The figures of a noise scale.

    Args:
        sigma: greater than 0.
        sketches: numbers of sketches that are looked at together, each at least 1.

    Raises:
        OmegaError: INVALID_FIELD sigma or sketches.
    """
    mu = sketch_mu(sigma)
    return Account(
        sigma=sigma,
        epsilon=epsilon_of(mu),
        epsilons=tuple((k, epsilon_of(sketch_mu(sigma, k))) for k in sketches),
        epsilon_zcdp=epsilon_zcdp(mu),
        bits=bits_bound(sigma),
    )


def _log_phi(x: float) -> float:
    """Logarithm of the standard normal distribution function."""
    if x > _SERIES_BELOW:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2)))
    # Mills' ratio; the first term left out is below 1e-9 of it.
    y = 1 / (x * x)
    series = 1 - y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y)))
    return -x * x / 2 - 0.5 * math.log(2 * math.pi) - math.log(-x) + math.log(series)
