"""How often an attack succeeds, with an interval over households."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, IntArray

SAMPLES = 1_000
"""Resamples of a bootstrap."""
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval."""

    value: float
    """Of all trials, 0 to 1 (a difference: -1 to 1)."""
    low: float
    """2.5 % quantile of the bootstrap."""
    high: float
    """97.5 % quantile of the bootstrap."""

    @classmethod
    def of(cls, hits: NDArray[np.float64], users: IntArray, seed: int = 0) -> Self:
        """Mean of `hits` (t,), trials of `users` (t,).

        Percentile bootstrap over households: a household's trials come or stay away together
        (Efron & Tibshirani 1993).

        Raises:
            ValueError: there is no trial.
        """
        if not len(hits):
            raise ValueError("a rate needs a trial")
        _, at = np.unique(users, return_inverse=True)
        count = np.bincount(at.reshape(-1)).astype(np.float64)
        total = np.bincount(at.reshape(-1), hits)
        drawn = np.random.default_rng(seed).multinomial(
            len(count), np.full(len(count), 1 / len(count)), SAMPLES
        )
        low, high = np.quantile((drawn @ total) / (drawn @ count), _INTERVAL)
        return cls(float(hits.mean()), float(low), float(high))


@dataclass(frozen=True)
class Outcome:
    """Success of one attacker on the reports of a fleet."""

    strict: Rate
    """Names the very title at its first guess."""
    strict_at_3: Rate
    """Has it among 3 guesses."""
    strict_at_10: Rate
    """Has it among 10 guesses."""
    liked: Rate
    """First guess is a title that the household liked, whichever."""

    @classmethod
    def of(cls, evidence: Evidence, guesses: IntArray, liked: FloatArray) -> Self:
        """Scores guesses (N, at most 10), best first, against the truth; liked is (u, n)."""
        found = guesses == evidence.truth[:, None]
        right = liked[evidence.users, guesses[:, 0]] > 0
        parts = (found[:, 0], found[:, :3].any(axis=1), found.any(axis=1), right)
        return cls(*(Rate.of(part.astype(np.float64), evidence.users) for part in parts))

    def as_figures(self) -> Mapping[str, float]:
        """Its four shares by name."""
        return {
            "strict": self.strict.value,
            "strict_at_3": self.strict_at_3.value,
            "strict_at_10": self.strict_at_10.value,
            "liked": self.liked.value,
        }


def stronger(*outcomes: Outcome) -> Outcome:
    """The one that names most titles: what a fleet is to be judged by."""
    return max(outcomes, key=lambda outcome: outcome.strict.value)
