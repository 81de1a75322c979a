"""What each part of the ranking is worth: lists without it, beside the lists with everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from omega_eval.evaluate import rank_histories
from omega_eval.federation import Federated, federate
from omega_eval.metrics import Ratio, Scores, ratio, score
from omega_eval.policies import DEFAULT, Shard, named
from omega_eval.quality import Say, Study
from omega_eval.split import SplitHousehold
from omega_eval.world import World, build_world
from omega_rank import CollectiveModel, RankConfig

FEW = (0, 1, 3)
"""Likes that newcomers have, whose lists rest on prior and patterns."""
FULL = "everything, as shipped"
"""Name of the line that the others are compared with."""
_FOR_EVER = 10_000.0


@dataclass(frozen=True)
class Without:
    """A ranking that lacks a part."""

    config: RankConfig = field(default_factory=RankConfig)
    """Settings of the ranker."""
    model: Callable[[Federated, Shard], CollectiveModel | None] = lambda got, _: got.model
    """What of the fleet's knowledge is left."""


def _only_factors(got: Federated, shard: Shard) -> CollectiveModel:
    return CollectiveModel.build(shard.catalogue, got.factors)


def _only_patterns(got: Federated, shard: Shard) -> CollectiveModel | None:
    if not len(got.patterns.vectors):
        return None
    return CollectiveModel.build(shard.catalogue, None, got.patterns)


PARTS: Mapping[str, Without] = MappingProxyType(
    {
        FULL: Without(),
        "without collaborative": Without(RankConfig(collaborative_weight=0)),
        "without content": Without(RankConfig(content_weight=0)),
        "without genres": Without(RankConfig(genre_weight=0)),
        "without nearest likes": Without(RankConfig(nearest_weight=0)),
        "without prior": Without(RankConfig(prior_weight=0)),
        "without recency": Without(RankConfig(half_life=_FOR_EVER)),
        "without titles seen and not liked": Without(RankConfig(seen_weight=0)),
        "without diversity": Without(RankConfig(mmr_lambda=1)),
        "collaborative alone": Without(
            RankConfig(content_weight=0, genre_weight=0, nearest_weight=0)
        ),
        "without global patterns": Without(model=_only_factors),
        "global patterns, no factors": Without(model=_only_patterns),
        "nothing of the fleet": Without(model=lambda _got, _shard: None),
    }
)
"""Lines for households with their whole history. A part that enters the ranking later gets a row
here."""
NEWCOMERS: Mapping[str, Without] = MappingProxyType(
    {
        FULL: Without(),
        "without prior": Without(RankConfig(prior_weight=0)),
        "without global patterns": Without(model=_only_factors),
        "global patterns, no factors": Without(model=_only_patterns),
        "nothing of the fleet": Without(model=lambda _got, _shard: None),
    }
)
"""Lines for households with few likes."""


@dataclass(frozen=True, eq=False)
class AblationRow:
    """One line."""

    likes: int | None
    """Likes that each household was cut to; None = its whole history."""
    name: str
    """What is left out."""
    scores: Scores
    """Metrics."""
    vs_ease: Ratio
    """NDCG@10 over that of EASE, which knows the whole histories."""
    change: Ratio
    """NDCG@10 over that of everything, paired."""


@dataclass(frozen=True, eq=False)
class Ablation:
    """The table, and what patterns cost."""

    rows: tuple[AblationRow, ...]
    """Whole histories first."""
    patterns: int
    """Global patterns given out."""
    patterns_bytes: int
    """What a first pull of them costs."""


def study_ablation(
    study: Study,
    policy: str = DEFAULT,
    say: Say = lambda _: None,
    few: Sequence[int] = FEW,
) -> Ablation:
    """Leaves each part out in turn.

    Args:
        study: the households.
        policy: how the fleet shares.
        say: told what is being done.
        few: likes that newcomers are cut to.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when the households are too few.
    """
    say(f"{policy}: messages and round")
    got = federate(named(policy), study.fleet, study.shard)
    rows = _lines(study, study.world, got, None, PARTS, say)
    for likes in few:
        say(f"histories of {likes} likes")
        cut = tuple(newcomer(each, likes) for each in study.world.households)
        world = build_world(study.world.pack, study.world.catalogue, cut)
        rows += _lines(study, world, got, likes, NEWCOMERS, say)
    return Ablation(tuple(rows), len(got.patterns.vectors), got.patterns_bytes)


def newcomer(household: SplitHousehold, likes: int) -> SplitHousehold:
    """The household with its training events up to and with its first `likes` successes."""
    if not likes:
        return replace(household, train=())
    ends = [i for i, event in enumerate(household.train) if event.success]
    return replace(
        household, train=household.train[: ends[likes - 1] + 1 if len(ends) >= likes else None]
    )


def _lines(
    study: Study,
    world: World,
    got: Federated,
    likes: int | None,
    parts: Mapping[str, Without],
    say: Say,
) -> list[AblationRow]:
    scores: dict[str, Scores] = {}
    for name, part in parts.items():
        say(name if likes is None else f"{name}, {likes} likes")
        model = part.model(got, study.shard)
        lists = rank_histories(world.catalogue, model, world.scored, part.config)
        scores[name] = score(lists, world.wanted, len(world))
    return [
        AblationRow(
            likes,
            name,
            each,
            ratio(each.ndcg, study.ease.ndcg),
            ratio(each.ndcg, scores[FULL].ndcg),
        )
        for name, each in scores.items()
    ]
