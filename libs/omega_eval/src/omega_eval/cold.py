"""Titles that nobody's likes have reached: what the fleet's knowledge is worth for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid
from omega_eval.evaluate import rank_histories
from omega_eval.federation import federate
from omega_eval.metrics import CUT, Ratio, RowArray, Scores, ratio, score
from omega_eval.policies import DEFAULT, Shard, named
from omega_eval.quality import Say
from omega_eval.reports import televisions
from omega_eval.split import SplitHousehold
from omega_eval.world import build_world
from omega_rank import CollectiveModel, RankConfig

SHARE = 0.2
"""Share of the titles that are made cold."""
SEED = 7
"""Of their draw."""
BLEND = "blend, as shipped"
"""Name of what ships: a ridge map from embedding to factor beside content."""


@dataclass(frozen=True, eq=False)
class ColdRow:
    """One way to rank cold titles."""

    name: str
    """What it uses."""
    scores: Scores
    """Of lists of cold titles alone, over the households with a cold title to find."""
    vs_blend: Ratio
    """NDCG@10 over that of what ships, paired."""
    among: float
    """Share of the first 10 of whole lists that are cold titles, 0 to 1."""
    found: float
    """Share of the cold titles in the first 10 of any whole list, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Cold:
    """The table."""

    titles: int
    """Cold titles."""
    households: int
    """Scored: with a cold title to find."""
    rows: tuple[ColdRow, ...]
    """What ships first."""


def cold_titles(titles: int, share: float = SHARE, seed: int = SEED) -> NDArray[np.bool_]:
    """(titles,) `share` of them, drawn by `seed`."""
    chosen = np.zeros(titles, np.bool_)
    chosen[np.random.default_rng(seed).permutation(titles)[: round(share * titles)]] = True
    return chosen


def hidden(
    households: Sequence[SplitHousehold], row_of: dict[str, int], cold: NDArray[np.bool_]
) -> tuple[SplitHousehold, ...]:
    """The households without any training event of a cold title, and only such titles held out."""
    return tuple(
        replace(
            each,
            train=tuple(e for e in each.train if not cold[row_of[e.content_id]]),
            held_out=tuple(i for i in each.held_out if cold[row_of[i]]),
        )
        for each in households
    )


def study_cold(
    shard: Shard,
    households: Sequence[SplitHousehold],
    policy: str = DEFAULT,
    say: Say = lambda _: None,
) -> Cold:
    """Hides a fifth of the titles from all training, learns, and ranks them.

    Args:
        shard: the catalogue.
        households: split.
        policy: of the fleet.
        say: told what is being done.

    Raises:
        OmegaError: INVALID_FIELD when no household has a cold title to find; ROUND_NOT_POSSIBLE.
    """
    catalogue = shard.catalogue
    cold = cold_titles(len(catalogue))
    say("histories without the cold titles")
    world = build_world(shard.pack, catalogue, hidden(households, dict(catalogue.row_of), cold))
    if not any(len(rows) for rows in world.wanted):
        raise invalid("data", "a set in which some household has a hidden title to find")
    say(f"{policy}: round")
    model = federate(named(policy), televisions(world), shard).model
    bare = RankConfig(content_weight=0, genre_weight=0, nearest_weight=0)
    ways: dict[str, tuple[CollectiveModel | None, RankConfig]] = {
        BLEND: (model, RankConfig()),
        "ridge map alone": (model, bare),
        "content alone": (None, RankConfig()),
        "no map: cold titles get nothing": (without_map(model), RankConfig()),
    }
    lists: dict[str, tuple[list[RowArray], list[RowArray]]] = {}
    for name, (knowledge, config) in ways.items():
        say(f"lists: {name}")
        alone, whole = (
            rank_histories(catalogue, knowledge, world.scored, config, candidates)
            for candidates in (cold, None)
        )
        lists[name] = (alone, whole)
    scores = {name: score(alone, world.wanted, len(world)) for name, (alone, _) in lists.items()}
    return Cold(
        titles=int(cold.sum()),
        households=len(scores[BLEND].households),
        rows=tuple(
            ColdRow(
                name,
                scores[name],
                ratio(scores[name].ndcg, scores[BLEND].ndcg),
                *_presence(whole, cold),
            )
            for name, (_, whole) in lists.items()
        ),
    )


def without_map(model: CollectiveModel) -> CollectiveModel:
    """The model with nothing for titles that have no factor of their own.

    Their factors are zero, their prior is the least that any title has.
    """
    factors = np.where(model.has_factor[:, None], model.score_factors, np.float32(0))
    prior = np.where(model.has_factor, model.log_prior, model.log_prior[model.has_factor].min())
    return replace(model, score_factors=factors, log_prior=prior)


def _presence(lists: Sequence[RowArray], cold: NDArray[np.bool_]) -> tuple[float, float]:
    shown = np.concatenate([rows[:CUT] for rows in lists])
    there = shown[cold[shown]]
    return len(there) / max(len(shown), 1), len(np.unique(there)) / max(int(cold.sum()), 1)
