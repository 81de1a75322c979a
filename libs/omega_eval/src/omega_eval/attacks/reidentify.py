"""Joint re-identification: all reports of a TV together, by two attackers, beside guessing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.alternating import alternating, by_popularity
from omega_eval.attacks.evidence import GUESSES, Evidence, IntArray, posteriors
from omega_eval.attacks.histories import FOLDS, Histories, outside
from omega_eval.attacks.learned import learned
from omega_eval.attacks.outcome import Outcome, Rate, stronger


@dataclass(frozen=True, eq=False)
class Reidentification:
    """What a fleet's reports give away, title by title."""

    nothing: Outcome
    """Guesses the most popular titles of other households, and looks at no report."""
    alone: Outcome
    """Reads each report by itself, with popularity as the prior."""
    alternating: Outcome
    """The joint attacker without training."""
    learned: Outcome
    """The joint attacker that was trained on other households."""
    posterior: FloatArray
    """(N, c) of the stronger of the two."""

    @property
    def reported(self) -> Outcome:
        """The stronger one's, which counts."""
        return stronger(self.alternating, self.learned)


def reidentify(evidence: Evidence, histories: Histories) -> Reidentification:
    """Attacks reports joined by their owners; fields of the evidence are clues too."""
    plain = alternating(evidence, histories)
    trained = learned(evidence, histories)
    outcomes = [outcome(evidence, each, histories) for each in (plain, trained)]
    return Reidentification(
        nothing=guess_nothing(evidence, histories),
        alone=outcome(evidence, alone(evidence, histories), histories),
        alternating=outcomes[0],
        learned=outcomes[1],
        posterior=trained if stronger(*outcomes) is outcomes[1] else plain,
    )


def outcome(evidence: Evidence, posterior: FloatArray, histories: Histories) -> Outcome:
    """Scores an attacker by its posterior (N, c)."""
    return Outcome.of(evidence, evidence.guesses(posterior), histories.liked)


def guess_nothing(evidence: Evidence, histories: Histories) -> Outcome:
    """The attacker without information: what most households outside the target's fold like.

    Its guesses at a report are the ten most liked titles. For `liked` it names as many different
    titles as the owner has reports, the most liked first: else it would name one safe title for
    all of them, and no attack on a household's titles would look like more.
    """
    most = min(GUESSES, histories.titles)
    ranked = np.stack([_popular(histories, fold) for fold in range(FOLDS)])
    folds = histories.folds[evidence.users]
    found = Outcome.of(evidence, ranked[folds, :most], histories.liked)
    place = _places(evidence.owners) % histories.titles
    named = histories.liked[evidence.users, ranked[folds, place]] > 0
    return replace(found, liked=Rate.of(named.astype(np.float64), evidence.users))


def alone(evidence: Evidence, histories: Histories) -> FloatArray:
    """(N, c) posterior of each report by itself."""
    found = np.empty_like(evidence.log_likelihoods)
    folds = histories.folds[evidence.users]
    for fold in range(FOLDS):
        rows = folds == fold
        if rows.any():
            part = evidence.take(rows)
            prior = by_popularity(part, outside(histories, fold))
            found[rows] = posteriors(part.log_likelihoods, prior)
    return found


def _popular(histories: Histories, fold: int) -> IntArray:
    likes = outside(histories, fold).likes
    return np.argsort(-likes, kind="stable").astype(np.int64)


def _places(owners: IntArray) -> IntArray:
    """(N,) which report of its owner each is, from 0."""
    order = np.argsort(owners, kind="stable")
    _, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    places = np.empty(len(owners), np.int64)
    places[order] = np.arange(len(owners)) - np.repeat(starts, counts)
    return places
