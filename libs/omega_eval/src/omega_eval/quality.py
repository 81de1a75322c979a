"""The quality of a fleet under each sharing policy, beside central systems, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.validate import number
from omega_eval.als import implicit_als
from omega_eval.baselines import ease, popularity
from omega_eval.evaluate import NOBODY, rank_histories
from omega_eval.federation import Federated, federate
from omega_eval.metrics import CUT, Ratio, RowArray, Scores, ratio, score
from omega_eval.neighbours import item_knn, user_knn
from omega_eval.policies import DEFAULT, SEED, Policy, Shard, named
from omega_eval.reports import televisions
from omega_eval.world import World

FOLDS = 5
"""Rounds behind the figure of receive-only: each scores the households that it did not hear."""
DRAWS = 3
"""Draws of contributors behind each figure of a share of them."""
LOCAL = "local only"
"""Name of what a TV can do alone."""
EASE, POPULARITY = "EASE", "popularity"
"""Names of the two baselines that the others are compared with."""

Say = Callable[[str], None]
"""Told what is being done, for a person who waits."""


@dataclass(frozen=True, eq=False)
class Row:
    """One line of the table."""

    name: str
    """A baseline, a policy, or a share of contributors."""
    scores: Scores
    """Metrics; over the scored households, or those of them that the line speaks of."""
    vs_ease: Ratio
    """NDCG@10 over that of EASE, paired over the same households."""
    vs_popularity: Ratio
    """The same over popularity."""
    federated: Federated | None = None
    """What crossed the wire, of a policy that contributes."""


class Study:
    """One world, its yardsticks, and the lines measured so far.

    Args:
        world: the households.
        say: told what is being done.
        draws: of the noise behind each policy's line, at least 1. One draw of another moves the
            figure of a small fleet by several hundredths.
    """

    def __init__(self, world: World, say: Say = lambda _: None, draws: int = 1) -> None:
        self.world = world
        self._draws = draws
        self.shard = Shard(world.pack, world.catalogue)
        self._say = say
        say("EASE and popularity")
        self._lists = {POPULARITY: popularity(world.data), EASE: ease(world.data)}
        self.ease = self.score(self._lists[EASE])
        self.popularity = self.score(self._lists[POPULARITY])
        say("what each TV would report")
        self.fleet = televisions(world)

    def score(self, lists: Sequence[RowArray]) -> Scores:
        """Metrics of one list a household."""
        return score(lists, self.world.wanted, len(self.world))

    def row(self, name: str, lists: Sequence[RowArray], federated: Federated | None = None) -> Row:
        """A line over all scored households."""
        return row_beside(name, self.score(lists), self.ease, self.popularity, federated)

    def baselines(self) -> list[Row]:
        """Central systems that see every history, and a TV alone."""
        self._say("ItemKNN")
        self._lists["ItemKNN"] = item_knn(self.world.data)
        self._say("user-kNN")
        self._lists["user-kNN"] = user_knn(self.world.data)
        self._say("implicit ALS")
        self._lists["implicit ALS"] = implicit_als(self.world.data)
        self._say(LOCAL)
        self._lists[LOCAL] = rank_histories(self.world.catalogue, None, self.world.scored)
        return [self.row(name, lists) for name, lists in self._lists.items()]

    def policy(self, policy: Policy) -> Row:
        """A fleet that shares by one policy; a TV that only receives, in one of the default's.

        A household counts with its mean over the draws. What crossed the wire is of the first.
        """
        if not policy.contributes:
            given = [named(DEFAULT).redrawn(draw) for draw in range(self._draws)]
            scores = mean_scores([self.score(self._received(each)) for each in given])
            return row_beside(policy.name, scores, self.ease, self.popularity)
        found, federated = [], None
        for draw in range(self._draws):
            self._say(f"{policy.name}: messages and round {draw + 1} of {self._draws}")
            taught = federate(policy.redrawn(draw), self.fleet, self.shard)
            federated = federated or taught
            self._say(f"{policy.name}: lists")
            lists = rank_histories(self.world.catalogue, taught.model, self.world.scored)
            found.append(self.score(lists))
        return row_beside(policy.name, mean_scores(found), self.ease, self.popularity, federated)

    def _received(self, policy: Policy) -> list[RowArray]:
        """Lists of households that a round did not hear: each is left out of the round it pulls."""
        lists: list[RowArray] = [NOBODY] * len(self.fleet)
        for fold in range(FOLDS):
            self._say(f"receive-only: round {fold + 1} of {FOLDS}")
            heard = [tv for i, tv in enumerate(self.fleet) if i % FOLDS != fold]
            model = federate(policy, heard, self.shard).model
            outside = [
                history if i % FOLDS == fold else None
                for i, history in enumerate(self.world.scored)
            ]
            ranked = rank_histories(self.world.catalogue, model, outside)
            lists[fold::FOLDS] = ranked[fold::FOLDS]
        return lists

    def contributors(self, share: float, policy: Policy | None = None) -> Row:
        """Households that only receive, where `share` of the TVs contribute.

        Contributors are drawn DRAWS times; a household counts with its mean over the draws in
        which it only receives, and EASE and popularity of everybody's histories beside it.

        Args:
            share: 0.01 to 0.99.
            policy: of the contributors; absent = the default.

        Raises:
            OmegaError: INVALID_FIELD share; ROUND_NOT_POSSIBLE when they are too few.
        """
        number("contributors", share, 0.01, 0.99)
        policy = policy or named(DEFAULT)
        drawn = np.zeros(len(self.ease.ndcg))
        metrics = {name: np.zeros(len(drawn)) for name in ("hit_rate", "ndcg", "recall")}
        shown: set[int] = set()
        for draw in range(DRAWS):
            self._say(f"{share:.0%} contribute: round {draw + 1} of {DRAWS}")
            giving = contributing(len(self.fleet), share, draw)
            heard = [tv for tv in self.fleet if giving[tv.number]]
            model = federate(policy.redrawn(draw), heard, self.shard).model
            receiving = [
                None if giving[i] else history for i, history in enumerate(self.world.scored)
            ]
            lists = rank_histories(self.world.catalogue, model, receiving)
            scores = self.score(lists)
            received = ~giving[scores.households]
            drawn += received
            for name in metrics:
                metrics[name] += np.where(received, getattr(scores, name), 0)
            shown.update(row for found in lists for row in found[:CUT].tolist())
        return self._mean_row(f"receive-only, {share:.0%} contribute", metrics, drawn, shown)

    def _mean_row(
        self,
        name: str,
        metrics: Mapping[str, NDArray[np.float64]],
        drawn: NDArray[np.float64],
        shown: set[int],
    ) -> Row:
        kept = drawn > 0
        means = {metric: sums[kept] / drawn[kept] for metric, sums in metrics.items()}
        scores = Scores(
            households=self.ease.households[kept],
            coverage=len(shown) / len(self.world),
            **means,
        )
        return Row(
            name,
            scores,
            ratio(scores.ndcg, self.ease.ndcg[kept]),
            ratio(scores.ndcg, self.popularity.ndcg[kept]),
        )


def mean_scores(draws: Sequence[Scores]) -> Scores:
    """Each household's mean over several draws, all of the same households; at least one."""
    return Scores(
        households=draws[0].households,
        hit_rate=np.mean([each.hit_rate for each in draws], axis=0),
        ndcg=np.mean([each.ndcg for each in draws], axis=0),
        recall=np.mean([each.recall for each in draws], axis=0),
        coverage=float(np.mean([each.coverage for each in draws])),
    )


def row_beside(
    name: str, scores: Scores, ease: Scores, popular: Scores, federated: Federated | None = None
) -> Row:
    """A line with its ratios; all scores are of the same households.

    Raises:
        ValueError: nobody is scored, or a yardstick finds nothing.
    """
    return Row(
        name,
        scores,
        ratio(scores.ndcg, ease.ndcg),
        ratio(scores.ndcg, popular.ndcg),
        federated,
    )


def contributing(fleet: int, share: float, draw: int) -> NDArray[np.bool_]:
    """(fleet,) who contributes; a smaller share of one draw lies within a larger one."""
    order = np.random.default_rng([SEED, draw]).permutation(fleet)
    chosen = np.zeros(fleet, np.bool_)
    chosen[order[: round(share * fleet)]] = True
    return chosen
