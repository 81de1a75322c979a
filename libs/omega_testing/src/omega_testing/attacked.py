"""A small town whose tastes are known: households like titles of two of eight groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_eval.attacks.evidence import Evidence, IntArray
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.likelihood import evidence, sketch_channel

TITLES, GROUPS, HOUSEHOLDS, LIKES = 240, 8, 80, 14
"""Sizes of the town; LIKES a household."""


@dataclass(frozen=True, eq=False)
class Town:
    """Histories, and the reports that follow from them."""

    histories: Histories
    """80 households, 240 titles."""
    users: IntArray
    """Household of each like, (N,)."""
    truth: IntArray
    """Its title, (N,)."""

    def bits(self, sigma: float, draw: int = 0, embeddings: FloatArray | None = None) -> FloatArray:
        """Sketches of every like."""
        rows = self.histories.embeddings if embeddings is None else embeddings
        noise = np.random.default_rng(draw).standard_normal(
            (len(self.users), DIMENSION), np.float32
        )
        noisy = rows[self.truth] + np.float32(sigma / np.sqrt(DIMENSION)) * noise
        return np.where(noisy >= 0, np.float32(1), np.float32(-1))

    def evidence(self, sigma: float, draw: int = 0) -> Evidence:
        """The same as evidence."""
        channel = sketch_channel(self.histories.embeddings, sigma)
        reports = self.bits(sigma, draw)
        return evidence(self.histories, self.users, self.truth, [(channel, reports)])


def town_of(seed: int = 0) -> Town:
    """A town from a seed."""
    rng = np.random.default_rng(seed)
    group = np.arange(TITLES) % GROUPS
    shared = rng.normal(size=(GROUPS, DIMENSION))
    rows = unit((0.5 * shared[group] + rng.normal(size=(TITLES, DIMENSION))).astype(np.float32))
    liked = np.zeros((HOUSEHOLDS, TITLES), np.float32)
    popular = 1 / (1 + rng.permutation(TITLES)) ** 0.6
    for household in liked:
        mine = np.isin(group, rng.choice(GROUPS, 2, replace=False)) * popular
        household[rng.choice(TITLES, LIKES, replace=False, p=mine / mine.sum())] = 1
    histories = Histories(liked, rows, {"group": group.astype(np.int64)})
    users, truth = np.nonzero(liked)
    return Town(histories, users.astype(np.int64), truth.astype(np.int64))
