"""What a setting is worth on replayed moments: capability, alignment, novelty; and efficiency."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import (
    ALIGNMENT_SHARE,
    CAPABILITY_SHARE,
    NOVELTY_SHARE,
    Fitness,
    TunedSettings,
)
from omega_meta_sona import space
from omega_meta_sona.apply import rank_config
from omega_meta_sona.gains import CUT, Rows, gain, ndcg, served
from omega_meta_sona.moments import Moment, World
from omega_rank import History, Ranker
from omega_rank.measures import diversity

_LEAST = 1e-3
_TIMED = 5


@dataclass(frozen=True, eq=False)
class Worth:
    """Measures of a setting over moments; all 0 to 1."""

    gains: NDArray[np.float64]
    """(t,) discounted gain of each target, without a cut."""
    ndcg: float
    """Mean NDCG@10."""
    calibration: float
    """Mean of 1 - divergence of Jensen and Shannon (Lin 1991) between the genres of the list and
    those of the history (Steck 2018)."""
    diversity: float
    """Mean distance of two titles of a list, half of 1 - cosine (Ziegler et al. 2005)."""
    novelty: float
    """Mean self-information of listed titles under the fleet's prior, as a share of the rarest
    title's (Vargas & Castells 2011); 1 without a fleet, when nothing is known of any."""

    @property
    def gain(self) -> float:
        """Mean of the gains."""
        return float(self.gains.mean())

    def fitness(self, efficiency: float) -> Fitness:
        """With the efficiency that was measured apart."""
        return Fitness(self.ndcg, self.calibration, self.diversity, efficiency, self.novelty)

    def advantage(self, other: Worth, caution: float) -> float:
        """Weighted relative gain over `other` on the same moments: what the search maximises.

        The weights of the fitness, on ratios: otherwise the part with the widest scale would
        decide, and a NDCG of .1 counts for little beside a calibration of .8. Capability stands
        here as gain without a cut, which is the same measure with less noise, less `caution`
        standard errors of the paired difference: a small gain on every viewing is worth more than
        a large one on a few, because it is the one that lasts. Efficiency is not a part: it is
        equal for all candidates, because no weight changes the work.
        """
        differences = self.gains - other.gains
        lasting = differences.mean() - caution * differences.std() / np.sqrt(len(differences))
        alignment = self.calibration + self.diversity
        aligned = max(other.calibration + other.diversity, _LEAST)
        return float(
            CAPABILITY_SHARE * lasting / max(other.gain, _LEAST)
            + ALIGNMENT_SHARE * (alignment / aligned - 1)
            + NOVELTY_SHARE * (self.novelty / max(other.novelty, _LEAST) - 1)
        )


class Judge:
    """Measures settings on one set of moments."""

    def __init__(self, world: World, moments: Sequence[Moment]) -> None:
        self._world = world
        self._moments = moments
        self._rarity = rarity(world)
        carries = (world.catalogue.genre_rows > 0).astype(np.float64)
        self._genres = carries / np.maximum(carries.sum(axis=1, keepdims=True), 1)

    def worth(self, settings: TunedSettings) -> Worth:
        """Its measures, means over moments (of gain over targets)."""
        config = rank_config(settings, self._world.shipped)
        taste = space.taste_of(settings)
        catalogue = self._world.catalogue
        gains: list[NDArray[np.float64]] = []
        rest: list[tuple[float, float, float, float]] = []
        for moment in self._moments:
            total = moment.total(self._world, config, taste)
            ranks, listed = served(
                total, catalogue, config, moment.targets, moment.rows, moment.wanted[taste]
            )
            gains.append(gain(ranks))
            rest.append(
                (
                    ndcg(ranks),
                    self._calibration(listed, moment),
                    diversity(self._world.catalogue, listed) / 2,
                    float(self._rarity[listed].mean()) if len(listed) else 0.0,
                )
            )
        means = np.mean(rest, axis=0).tolist()
        return Worth(np.concatenate(gains), *means)

    def _calibration(self, listed: Rows, moment: Moment) -> float:
        shares = self._genres[listed].sum(axis=0)
        given = shares / (shares.sum() or 1.0)
        if not given.any() or not moment.genres.any():
            return 1.0
        middle = (given + moment.genres) / 2
        bits = (_divergence(given, middle) + _divergence(moment.genres, middle)) / 2
        return min(max(1.0 - bits, 0.0), 1.0)


def rarity(world: World) -> NDArray[np.float64]:
    """(n,) self-information of each title under the fleet's prior over that of the rarest."""
    n = len(world.catalogue)
    if world.model is None:
        return np.ones(n)
    logs = world.model.log_prior.astype(np.float64)
    surprise = np.logaddexp.reduce(logs) - logs
    return np.asarray(surprise / max(float(surprise.max()), _LEAST))


def efficiency(
    world: World,
    history: History,
    settings: TunedSettings,
    budget_ms: float,
    timer: Callable[[], float] = time.perf_counter,
) -> float:
    """Share of the budget that an answer leaves: 1 - median time of a whole ranking / budget."""
    config = rank_config(settings, world.shipped)
    ranker = Ranker(config)
    history.configure(config)
    took = []
    for _ in range(_TIMED):
        begun = timer()
        ranker.rank(world.catalogue, world.model, history, limit=CUT)
        took.append((timer() - begun) * 1e3)
    return min(max(1.0 - float(np.median(took)) / budget_ms, 0.0), 1.0)


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
