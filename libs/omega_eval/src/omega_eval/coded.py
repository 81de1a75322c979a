"""Lists before and after the transform codec: patterns and titles as a pull really brings them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from omega_core.vectors import FloatArray, centre
from omega_delta.transform import (
    STATE_BUDGET,
    Codebook,
    NewTitles,
    code_state,
    decode_news,
    encode_news,
    neighbourhoods,
    patterns_of,
    train,
)
from omega_eval.evaluate import rank_histories
from omega_eval.federation import as_ranked, federate, published, sent
from omega_eval.metrics import Ratio, ratio
from omega_eval.policies import Policy, Shard
from omega_eval.quality import Study
from omega_eval.reports import televisions
from omega_eval.world import VERSION, World, build_world
from omega_rank import CollectiveModel

TITLES_A_PULL = 48
"""New titles of a pull."""
TITLES_BUDGET = 2_560
"""Bytes that they have in it, beside a full state."""
_MADE_UP = 2_048
"""Patterns that the codebook is trained from."""


@dataclass(frozen=True)
class Through:
    """NDCG@10 after the codec over that before it, paired over the same households."""

    patterns: Ratio
    """A TV without factors, which ranks by global patterns alone."""
    titles: Ratio
    """A TV with factors whose every title came with a pull."""
    pattern_cosine: float
    """Mean cosine of a pattern after the codec, centred."""
    title_cosine: float
    """The same of a title, as the encoder gave it."""


def codebook(shard: Shard) -> Codebook:
    """Trained on the catalogue alone, as an operator without a fleet trains it."""
    pack = shard.pack
    made_up = neighbourhoods(pack.embeddings, pack.centring_mean, count=_MADE_UP)
    return train(pack.model_version, made_up, pack.embeddings)


def through(study: Study, policy: Policy) -> Through:
    """Measures what the codec costs a fleet that shares by `policy`.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when too few take part; INVALID_FIELD when the catalogue has
            fewer than 64 titles.
    """
    world, book = study.world, codebook(study.shard)
    learnt = policy.learn(sent(policy, study.fleet, study.shard), study.shard)
    before = published(learnt, study.shard).patterns
    state = code_state(book, VERSION, before, None, STATE_BUDGET)
    body = encode_news(book, state, None, None, None, STATE_BUDGET)
    after = patterns_of(decode_news(body, book, None).state, book)
    kept = {p.pattern_id: p.embedding for p in after}
    cosines = [float(p.embedding @ kept[p.pattern_id]) for p in before if p.pattern_id in kept]
    lists = [
        rank_histories(
            world.catalogue, CollectiveModel.build(world.catalogue, None, made), world.scored
        )
        for made in (as_ranked(before), as_ranked(after))
    ]
    plain, coded = (study.score(found).ndcg for found in lists)
    rows = titles_through(book, study.shard.pack.embeddings)
    other = of_titles(world, rows)
    with_factors = [
        study.score(
            rank_histories(
                each.catalogue,
                federate(policy, televisions(each), study.shard).model,
                each.scored,
            )
        ).ndcg
        for each in (world, other)
    ]
    title_cosines = np.einsum("ij,ij->i", rows, study.shard.pack.embeddings)
    return Through(
        patterns=ratio(coded, plain),
        titles=ratio(with_factors[1], with_factors[0]),
        pattern_cosine=float(np.mean(cosines)),
        title_cosine=float(title_cosines.mean()),
    )


def titles_through(book: Codebook, rows: FloatArray) -> FloatArray:
    """Unit vectors (n, 384) as pulls bring them, as many a pull as it holds beside a full state."""
    state = code_state(book, VERSION, (), None, STATE_BUDGET)
    found = []
    at = len(rows)
    while at > 0:
        some = rows[max(0, at - TITLES_A_PULL) : at]
        titles = NewTitles(VERSION, np.arange(len(some), dtype=np.uint32), some)
        data = encode_news(book, state, None, None, titles, TITLES_BUDGET)
        came = decode_news(data, book, None).titles
        assert came is not None  # noqa: S101 - the budget holds a title
        found.append(came.embeddings)
        at -= len(came.embeddings)  # the oldest are left to the next pull
    return np.concatenate(found[::-1])


def of_titles(world: World, rows: FloatArray) -> World:
    """The world of TVs that hold other vectors of its titles."""
    pack, catalogue = world.pack, world.catalogue
    centred = centre(rows, catalogue.centring_mean)
    return build_world(
        replace(pack, embeddings=rows),
        replace(catalogue, embeddings=centred, room=None),
        world.households,
    )
