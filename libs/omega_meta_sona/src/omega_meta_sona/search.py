"""The search for a challenger: CMA-ES with a pull towards the setting in force."""

from __future__ import annotations

import numpy as np
from cmaes import CMA  # type: ignore[import-untyped]  # ships no types

from omega_meta_sona import space
from omega_meta_sona.config import TuningConfig
from omega_meta_sona.fitness import Judge, Worth
from omega_meta_sona.space import Point


class Search:
    """One search, a candidate a step. Equal input gives an equal challenger.

    The value of a point is the advantage over the setting in force less shrinkage x the price of
    the way there / positives. Prices add up over dimensions (a Laplace prior; Tibshirani 1996), so
    that a dimension in which little shows hardly moves, and a long history outweighs them. The
    answer is the mean of the last generation (less noisy than the best point met: Hansen 2016) and
    only when its value is above 0.
    """

    def __init__(
        self, judge: Judge, config: TuningConfig, origin: Point, positives: int, seed: int
    ) -> None:
        self._judge = judge
        self._config = config
        self._origin = origin
        self._positives = positives
        self._reference = judge.worth(space.to_settings(origin))
        self._cma = CMA(
            mean=origin.copy(),
            sigma=config.step,
            bounds=space.around(origin, config.trust),
            seed=seed,
            population_size=config.population,
        )
        self._asked: list[tuple[Point, float]] = []
        self.candidates = 0
        """Candidates judged."""

    @property
    def reference(self) -> Worth:
        """What the setting in force is worth."""
        return self._reference

    def step(self) -> bool:
        """Judges one candidate; returns whether the search has ended."""
        if self.finished:
            return True
        point = np.asarray(self._cma.ask(), np.float64)
        self._asked.append((point, -self._value(point)[0]))
        self.candidates += 1
        if len(self._asked) == self._config.population:
            self._cma.tell(self._asked)
            self._asked = []
        return self.finished

    @property
    def finished(self) -> bool:
        """Whether all generations are judged."""
        return self.candidates >= self._config.population * self._config.generations

    def challenger(self) -> tuple[Point, Worth] | None:
        """The mean of the last generation and its worth; None = nothing better was found."""
        point = np.asarray(self._cma.mean, np.float64)
        value, worth = self._value(point)
        return (point, worth) if value > 0 else None

    def _value(self, point: Point) -> tuple[float, Worth]:
        worth = self._judge.worth(space.to_settings(point))
        price = float(np.abs(point - self._origin) @ np.array(space.PRICES))
        advantage = worth.advantage(self._reference, self._config.caution)
        return advantage - self._config.shrinkage * price / self._positives, worth
