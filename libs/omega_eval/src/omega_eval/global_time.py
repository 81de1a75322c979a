"""Quality where the server learns from the past only: a strict split in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omega_eval.baselines import best_unseen, ease_scores
from omega_eval.evaluate import rank_histories
from omega_eval.federation import federate
from omega_eval.metrics import RowArray, score
from omega_eval.policies import DEFAULT, Shard, named
from omega_eval.quality import EASE, LOCAL, POPULARITY, Row, Say, row_beside
from omega_eval.reports import televisions
from omega_eval.time_split import GlobalSplit
from omega_eval.world import build_world


@dataclass(frozen=True, eq=False)
class GlobalTime:
    """The table and what it rests on."""

    rows: tuple[Row, ...]
    """Baselines, a TV alone, and the policies."""
    households: int
    """Scored."""
    known: int
    """Of them, those that the server had any viewing of."""
    unseen: float
    """Share of the held-out titles that nobody had liked before the instant."""


def global_time(
    cut: GlobalSplit, shard: Shard, policies: Sequence[str] = (DEFAULT,), say: Say = lambda _: None
) -> GlobalTime:
    """Scores what households watched after the instant with what a server learnt before it.

    Every model, central or federated, is learnt from viewings before the instant and asked with
    the household's own history as its TV holds it then.

    Args:
        cut: the households.
        shard: the catalogue.
        policies: names of policies that contribute.
        say: told what is being done.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when too few took part before the instant.
        ValueError: nobody is scored.
    """
    catalogue = shard.catalogue
    say("histories before the instant")
    past = build_world(shard.pack, catalogue, cut.before)
    say("histories of the TVs")
    now = build_world(shard.pack, catalogue, cut.after)
    popular = np.broadcast_to(past.data.liked.sum(axis=0), now.data.liked.shape)
    lists: dict[str, list[RowArray]] = {
        POPULARITY: best_unseen(popular, now.data.seen),
        EASE: best_unseen(ease_scores(past.data.liked, now.data.liked), now.data.seen),
        LOCAL: rank_histories(catalogue, None, now.scored),
    }
    fleet = televisions(past)
    federated = {}
    for name in policies:
        say(f"{name}: round and lists")
        federated[name] = federate(named(name), fleet, shard)
        lists[name] = rank_histories(catalogue, federated[name].model, now.scored)
    scores = {name: score(found, now.wanted, len(now)) for name, found in lists.items()}
    wanted = np.concatenate([rows for rows in now.wanted if len(rows)])
    scored = scores[EASE].households
    return GlobalTime(
        rows=tuple(
            row_beside(name, each, scores[EASE], scores[POPULARITY], federated.get(name))
            for name, each in scores.items()
        ),
        households=len(scored),
        known=sum(bool(cut.before[i].train) for i in scored.tolist()),
        unseen=float((past.data.liked.sum(axis=0)[wanted] == 0).mean()),
    )
