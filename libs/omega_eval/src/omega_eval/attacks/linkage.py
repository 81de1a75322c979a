"""Linkage: whether two identities, or two pushes without any, are found to be of one household."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray, unit
from omega_eval.attacks.alternating import by_popularity
from omega_eval.attacks.evidence import Evidence, IntArray, posteriors
from omega_eval.attacks.histories import FOLDS, Histories, Known, outside
from omega_eval.attacks.logit import fit
from omega_eval.attacks.outcome import Rate

_FAINT = 1e-3
_COSINE = 10.0
_FEWEST = 2


@dataclass(frozen=True)
class Linkage:
    """How often the first guess among all identities is the right one."""

    identities: int
    """Households on each side."""
    success: Rate
    """Of the attacker."""
    chance: float
    """1 / identities: the attacker without information."""


def link(before: Evidence, after: Evidence, histories: Histories) -> Linkage:
    """For each household in both, finds its second identity among all second ones.

    Each report is read with popularity as the prior. A pair's clues: what tastes inferred on one
    side expect of the titles inferred on the other, agreement of titles weighed by rarity,
    agreement of content, and how alike the numbers of reports are. Their weights are learnt on a
    fold of households whose pairs are known.

    Args:
        before: reports under the first identities, owners = identities.
        after: under the second.
        histories: the truth; of the targets it is for scoring only.

    Raises:
        ValueError: fewer than two households are on both sides.
    """
    both = np.intersect1d(before.users, after.users)
    if len(both) < _FEWEST:
        raise ValueError("linking needs two households on both sides")
    sides = [_by_household(side, both) for side in (before, after)]
    folds = histories.folds[both]
    hits = np.zeros(len(both))
    for fold in range(FOLDS):
        trial = (fold + 1) % FOLDS
        if not (folds == fold).any():
            continue
        practice = np.flatnonzero(folds == trial)
        target = np.flatnonzero(folds == fold)
        weights = np.zeros(_Clues.COUNT)
        if len(practice) > 1:
            clues = _Clues(sides, outside(histories, fold, trial)).of(practice, practice)
            weights = fit(clues.astype(np.float64), np.arange(len(practice)))
        everyone = np.arange(len(both))
        clues = _Clues(sides, outside(histories, fold)).of(target, everyone)
        hits[target] = (clues @ weights).argmax(axis=1) == target
    return Linkage(len(both), Rate.of(hits, both), 1 / len(both))


def halves(evidence: Evidence) -> tuple[Evidence, Evidence]:
    """The first and the second half of each household's reports, in their order.

    As if it had laid its identity down half-way.
    """
    order = np.argsort(evidence.users, kind="stable")
    _, starts, counts = np.unique(evidence.users[order], return_index=True, return_counts=True)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(starts, counts)
    late = place >= np.repeat(counts, counts)[np.argsort(order, kind="stable")] / 2
    return evidence.take(~late), evidence.take(late)


def two_pushes(evidence: Evidence, pushes: IntArray, seed: int = 0) -> tuple[Evidence, Evidence]:
    """Two pushes of each household that sent two, drawn at random, each without any identity."""
    rng = np.random.default_rng(seed)
    first, second = np.zeros(len(evidence), np.bool_), np.zeros(len(evidence), np.bool_)
    for user in np.unique(evidence.users):
        rows = evidence.users == user
        sent = np.unique(pushes[rows])
        if len(sent) > 1:
            one, other = rng.choice(sent, 2, replace=False)
            first |= rows & (pushes == one)
            second |= rows & (pushes == other)
    return evidence.take(first), evidence.take(second)


def _by_household(side: Evidence, both: IntArray) -> Evidence:
    """Reports of these households only; owner i is household both[i]."""
    kept = side.take(np.isin(side.users, both))
    return kept.owned_by(np.zeros(len(kept), np.int64))


class _Clues:
    """What speaks for two identities being one household, by what is known of others."""

    COUNT = 6

    def __init__(self, sides: list[Evidence], known: Known) -> None:
        titles = known.histories.titles
        self._known = known
        self._stakes = [
            side.stakes(posteriors(side.log_likelihoods, by_popularity(side, known)), titles)
            for side in sides
        ]
        self._counts = [np.bincount(side.owners).astype(np.float64) for side in sides]

    def of(self, targets: IntArray, others: IntArray) -> FloatArray:
        """(t, o, COUNT) for the first identities `targets` and the second ones `others`."""
        first, second = self._stakes[0][targets], self._stakes[1][others]
        forward = np.maximum(self._known.expected(first), 0) @ second.T
        backward = first @ np.maximum(self._known.expected(second), 0).T
        rare = 1 / np.sqrt(self._known.likes + 1.0, dtype=np.float32)
        same = unit(first * rare) @ unit(second * rare).T
        embeddings = self._known.histories.embeddings
        content = unit(first @ embeddings) @ unit(second @ embeddings).T
        sizes = [np.log(counts) for counts in self._counts]
        gap = np.abs(sizes[0][targets][:, None] - sizes[1][others][None])
        large = np.broadcast_to(sizes[1][others][None], gap.shape)
        clues = (
            np.log(forward / second.sum(axis=1) + _FAINT),
            np.log(backward / first.sum(axis=1)[:, None] + _FAINT),
            _COSINE * same,
            _COSINE * content,
            gap,
            large,
        )
        return np.stack(clues, axis=-1).astype(np.float32)
