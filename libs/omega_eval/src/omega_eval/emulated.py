"""A large fleet emulated from few real households, and the frontier of quality over noise.

There is no open set of ten thousand television histories. Each emulated device takes a real
household and draws its likes again: it keeps 50 to 80 % of them and replaces the others by titles
that the five most similar households like. So the fleet holds no more tastes than the real set,
only more samples of each; what it shows is how noise averages out, not how variety grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_eval.baselines import EASE_LAMBDA, best_unseen, ease_scores
from omega_eval.evaluate import rank_histories
from omega_eval.federation import federate
from omega_eval.metrics import Ratio, Scores, ratio, score
from omega_eval.policies import Shard, Sketches
from omega_eval.quality import Say
from omega_eval.reports import everything
from omega_eval.world import World

KEPT = (0.5, 0.8)
"""Share of a household's likes that a device keeps, drawn between these."""
NEAREST = 5
"""Similar households whose likes stand in for the others."""
SEED = 11
"""Of the draws."""


@dataclass(frozen=True, eq=False)
class FrontierRow:
    """One point of the frontier."""

    name: str
    """The policy; EASE for the yardstick."""
    scores: Scores
    """Of the real households."""
    vs_ease: Ratio
    """NDCG@10 over that of EASE trained on the true emulated matrix, paired."""
    sketches: int
    """That the round decoded; 0 for EASE."""


@dataclass(frozen=True, eq=False)
class Frontier:
    """The table."""

    devices: int
    """Emulated devices with at least one like."""
    likes: int
    """Of all devices."""
    rows: tuple[FrontierRow, ...]
    """EASE first."""


def emulate(liked: NDArray[np.float32], devices: int, seed: int = SEED) -> NDArray[np.float32]:
    """(devices, n) likes of emulated devices, 0 or 1; device d draws from household d % u anew.

    Similar are the households whose EASE scores point the same way (cosine); of their likes that
    the household does not share, those that more of them like are drawn more often. A device has
    as many likes as its household, fewer where there are not enough to draw from.

    Args:
        liked: (u, n) 0 or 1, what households like in training.
        devices: how many.
        seed: of the draws.
    """
    real = np.flatnonzero(liked.any(axis=1))
    others = _likes_nearby(liked[real])
    fleet = np.zeros((devices, liked.shape[1]), np.float32)
    for device in range(devices if len(real) else 0):
        rng = np.random.default_rng([seed, device])
        source = device % len(real)
        own = np.flatnonzero(liked[real[source]])
        kept = rng.permutation(own)[: max(1, round(rng.uniform(*KEPT) * len(own)))]
        near, weights = others[source]
        fresh = min(len(own) - len(kept), len(near))
        fleet[device, kept] = 1
        if fresh:
            fleet[device, rng.choice(near, fresh, replace=False, p=weights)] = 1
    return fleet


def _likes_nearby(
    liked: NDArray[np.float32],
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Titles to draw from for each household, and their chances."""
    scores = ease_scores(liked, liked)
    scores /= np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-12)
    alike = scores @ scores.T
    np.fill_diagonal(alike, -np.inf)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAREST, len(liked) - 1)]
    found = []
    for own, near in zip(liked, nearest, strict=True):
        counts = np.where(own > 0, 0, liked[near].sum(axis=0, dtype=np.float64))
        titles = np.flatnonzero(counts).astype(np.int64)
        found.append((titles, counts[titles] / max(counts.sum(), 1.0)))
    return found


def frontier(
    world: World, shard: Shard, devices: int, sigmas: Sequence[float], say: Say = lambda _: None
) -> Frontier:
    """Quality of the real households' lists under what an emulated fleet taught.

    The real households take no part: they receive. The ridges, of EASE and of the product, grow
    with the fleet: the Gram matrix of so many devices over u households is about devices / u times
    as large.

    Args:
        world: the real households.
        shard: the catalogue.
        devices: emulated ones, at least 3.
        sigmas: noise scales.
        say: told what is being done.

    Raises:
        OmegaError: ROUND_NOT_POSSIBLE when the fleet is too small.
    """
    say(f"emulating {devices:,} devices")
    liked = emulate(world.data.liked, devices)
    real = int(world.data.liked.any(axis=1).sum())
    size = max(devices / max(real, 1), 1.0)
    say("EASE on the true emulated matrix")
    scores = ease_scores(liked, world.data.liked, EASE_LAMBDA * size)
    yardstick = score(best_unseen(scores, world.data.seen), world.wanted, len(world))
    fleet = everything(liked)
    rows = [FrontierRow("EASE", yardstick, ratio(yardstick.ndcg, yardstick.ndcg), 0)]
    for sigma in sigmas:
        policy = Sketches(sigma, lam=Sketches.lam * size)
        say(f"{policy.name}: messages and round")
        got = federate(policy, fleet, shard)
        say(f"{policy.name}: lists")
        found = score(
            rank_histories(world.catalogue, got.model, world.scored), world.wanted, len(world)
        )
        rows.append(
            FrontierRow(policy.name, found, ratio(found.ndcg, yardstick.ndcg), got.figures.sketches)
        )
    return Frontier(
        devices=int(np.count_nonzero(liked.any(axis=1))), likes=int(liked.sum()), rows=tuple(rows)
    )
