"""The joint attacker that learns from households it knows how to read a household it does not.

It knows how TVs report, and the true histories of other households; so it can try its clues on them
and learn how much each counts (omega_eval.attacks.logit). Against a fold of targets it learns the
clues' weights on a second fold, with models from the rest, and then reads the targets with models
from everybody else: nothing of a target is in anything it has learnt.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.alternating import by_taste, read
from omega_eval.attacks.clues import Seen, Shortlist, base_clues, field_clues
from omega_eval.attacks.evidence import Evidence
from omega_eval.attacks.histories import FOLDS, Histories, Known, outside
from omega_eval.attacks.logit import fit
from omega_learn.arrays import DoubleArray

SHORTLIST = 40
"""Candidates whose clues are weighed."""
ROUNDS = 3
"""Readings; each takes what the last one found of the household's other reports."""
_SHARE = 0.8  # of taste in the prior that picks the shortlist


@dataclass(eq=False)
class _Side:
    """One fold as the attacker reads it."""

    evidence: Evidence
    known: Known
    seen: Seen
    posterior: FloatArray


@dataclass(eq=False)
class _Look:
    """One side's candidates of a round, and what speaks for them."""

    side: _Side
    short: Shortlist
    base: FloatArray

    @classmethod
    def at(cls, side: _Side) -> _Look:
        """By what was read so far."""
        prior = by_taste(side.evidence, side.posterior, side.known, _SHARE)
        short = Shortlist.of(side.evidence, side.evidence.log_likelihoods + prior, SHORTLIST)
        return cls(side, short, base_clues(side.evidence, side.posterior, side.known, short))

    def clues(self, fields: Collection[str]) -> FloatArray:
        """With those of some fields."""
        values = {name: self.side.evidence.fields[name] for name in fields}
        told = field_clues(values, self.side.seen, self.side.known, self.short.titles)
        return np.concatenate([self.base, told], axis=-1)

    def weights(self, fields: Collection[str]) -> DoubleArray:
        """How much each clue counts, learnt from the truth behind these reports."""
        right = self.short.titles == self.side.evidence.truth[:, None]
        named = right.any(axis=1)
        clues = self.clues(fields)[named].astype(np.float64)
        return fit(clues, right[named].argmax(axis=1))

    def read(self, fields: Collection[str], weights: DoubleArray) -> FloatArray:
        """(N, c) probabilities; what is not on the shortlist is out."""
        odds = self.clues(fields) @ weights.astype(np.float32)
        odds -= odds.max(axis=1, keepdims=True)
        np.exp(odds, out=odds)
        odds /= odds.sum(axis=1, keepdims=True)
        found = np.zeros_like(self.side.posterior)
        np.put_along_axis(found, self.short.at, odds, 1)
        return found


def learned(evidence: Evidence, histories: Histories, *, rounds: int = ROUNDS) -> FloatArray:
    """(N, c) probability of each candidate by the clues and the fields of the reports."""
    fields = tuple(evidence.fields)
    return by_fields(evidence, histories, {"all": fields}, always=fields, rounds=rounds)["all"]


def by_fields(
    evidence: Evidence,
    histories: Histories,
    sets: Mapping[str, Collection[str]],
    *,
    always: Collection[str] = (),
    rounds: int = ROUNDS,
) -> dict[str, FloatArray]:
    """The same for several sets of fields, for little more than the price of one.

    Args:
        evidence: the reports.
        histories: the truth.
        sets: by name, the fields that the last reading looks at.
        always: the fields that the readings before it look at.
        rounds: readings, at least 1.
    """
    found = {name: np.zeros_like(evidence.log_likelihoods) for name in sets}
    folds = histories.folds[evidence.users]
    for fold in range(FOLDS):
        if not (folds == fold).any():
            continue
        target = _side(evidence, histories, fold)
        practice = _side(evidence, histories, (fold + 1) % FOLDS, without=fold)
        for _ in range(rounds - 1):
            tried, looked = _Look.at(practice), _Look.at(target)
            weights = tried.weights(always)
            practice.posterior = tried.read(always, weights)
            target.posterior = looked.read(always, weights)
        tried, looked = _Look.at(practice), _Look.at(target)
        for name, fields in sets.items():
            found[name][folds == fold] = looked.read(fields, tried.weights(fields))
    return found


def _side(evidence: Evidence, histories: Histories, fold: int, without: int | None = None) -> _Side:
    closed = [fold] if without is None else [fold, without]
    known = outside(histories, *closed)
    folds = histories.folds[evidence.users]
    reports = evidence.take(folds == fold)
    others = ~np.isin(folds, closed)
    seen = Seen(evidence.truth[others], {n: v[others] for n, v in evidence.fields.items()})
    return _Side(reports, known, seen, read(reports, known))
