"""The joint attacker that alternates between titles and taste, without any training.

A household's other reports, as read so far, say what it likes; what others with that taste like
is the prior of each report; which changes the reading. Expectation-maximisation in spirit, with a
model that the attacker learnt from the true histories of other households.
"""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, posteriors
from omega_eval.attacks.histories import FOLDS, Histories, Known, outside

SHARE = 0.95
"""Share of the taste in the prior; the rest is popularity."""
ROUNDS = 5
"""Readings after the first."""


def alternating(
    evidence: Evidence, histories: Histories, *, share: float = SHARE, rounds: int = ROUNDS
) -> FloatArray:
    """(N, c) probability of each candidate, each household attacked from outside its fold."""
    found = np.empty_like(evidence.log_likelihoods)
    folds = histories.folds[evidence.users]
    for fold in range(FOLDS):
        rows = folds == fold
        if rows.any():
            known = outside(histories, fold)
            found[rows] = read(evidence.take(rows), known, share=share, rounds=rounds)
    return found


def read(
    evidence: Evidence, known: Known, *, share: float = SHARE, rounds: int = ROUNDS
) -> FloatArray:
    """(N, c) probability of each candidate by what is known of others."""
    logs = evidence.log_likelihoods
    posterior = posteriors(logs, by_popularity(evidence, known))
    for _ in range(rounds):
        posterior = posteriors(logs, by_taste(evidence, posterior, known, share))
    return posterior


def by_taste(
    evidence: Evidence, posterior: FloatArray, known: Known, share: float = SHARE
) -> FloatArray:
    """(N, c) logarithm of each candidate's prior given what its owner's other reports say."""
    stakes = evidence.stakes(posterior, known.histories.titles)
    tastes = np.maximum(known.expected(stakes), 0)
    tastes *= share / np.maximum(tastes.sum(axis=1, keepdims=True), 1e-12)
    tastes += (1 - share) * known.popularity
    return np.log(tastes)[evidence.owners[:, None], evidence.candidates]


def by_popularity(evidence: Evidence, known: Known) -> FloatArray:
    """(N, c) logarithm of each candidate's popularity."""
    return np.asarray(np.log(known.popularity)[evidence.candidates], np.float32)
