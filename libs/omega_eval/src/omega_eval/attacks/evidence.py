"""What an attacker holds: reports, and for each the titles that may stand behind it.

One form for every kind of report. A sketch gives each title a likelihood; a set of candidate titles
gives its members equal ones and leaves out the rest. What attacks share knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

IntArray = NDArray[np.int64]
"""An int64 array."""
GUESSES = 10
"""Most guesses of an attacker that are looked at."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """N reports with c candidates each."""

    users: IntArray
    """(N,) household that sent each: its row in Histories. Only for scoring, and for what an
    attacker knows of households that are not its target."""
    owners: IntArray
    """(N,) from 0 without gaps: reports of one owner are known to come from one TV."""
    truth: IntArray
    """(N,) title behind each. Of a target it is for scoring only."""
    candidates: NDArray[np.int32]
    """(N, c) distinct titles within a row."""
    log_likelihoods: FloatArray
    """(N, c) of the report, were that title behind it; up to a constant a report."""
    fields: Mapping[str, IntArray] = field(default_factory=dict)
    """What else came with each report, (N,) of small classes from 0, by name."""

    def __post_init__(self) -> None:
        n = len(self.users)
        rows = (self.owners, self.truth, *self.fields.values())
        if any(row.shape != (n,) for row in rows):
            raise ValueError(f"{n} reports need as many owners, truths and values of each field")
        if self.candidates.shape != self.log_likelihoods.shape or len(self.candidates) != n:
            raise ValueError(f"{n} reports need as many rows of candidates and of likelihoods")

    def __len__(self) -> int:
        return len(self.users)

    @property
    def owner_users(self) -> IntArray:
        """(owners,) household of each owner."""
        found = np.zeros(int(self.owners.max(initial=-1)) + 1, np.int64)
        found[self.owners] = self.users
        return found

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Some reports; owners are numbered anew."""
        return replace(
            self,
            users=self.users[rows],
            owners=compact(self.owners[rows]),
            truth=self.truth[rows],
            candidates=self.candidates[rows],
            log_likelihoods=self.log_likelihoods[rows],
            fields={name: values[rows] for name, values in self.fields.items()},
        )

    def owned_by(self, keys: IntArray) -> Self:
        """The same reports, where those of one household and equal key (N,) have one owner."""
        pairs = np.stack([self.users, keys], axis=1)
        _, owners = np.unique(pairs, axis=0, return_inverse=True)
        return replace(self, owners=owners.reshape(-1).astype(np.int64))

    def with_fields(self, fields: Mapping[str, IntArray]) -> Self:
        """The same reports with other fields."""
        return replace(self, fields=dict(fields))

    def stakes(self, posterior: FloatArray, titles: int) -> FloatArray:
        """What posteriors say of each owner: (owners, titles), min(1, sum over its reports).

        Args:
            posterior: (N, c) probability of each candidate.
            titles: size of the catalogue.
        """
        owners = len(self.owner_users)
        cells = (self.owners[:, None] * titles + self.candidates).ravel()
        mass = np.bincount(cells, posterior.ravel(), minlength=owners * titles)
        return np.minimum(mass, 1.0).reshape(owners, titles).astype(np.float32)

    def guesses(self, posterior: FloatArray) -> IntArray:
        """(N, at most 10) titles by falling probability."""
        most = min(GUESSES, posterior.shape[1])
        part = np.argpartition(-posterior, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(posterior, part, 1), axis=1, kind="stable")
        found = np.take_along_axis(part, order, 1)
        return np.take_along_axis(self.candidates, found, 1).astype(np.int64)


def compact(keys: IntArray) -> IntArray:
    """Keys (N,) numbered from 0 without gaps, in their order."""
    return np.unique(keys, return_inverse=True)[1].reshape(-1).astype(np.int64)


def posteriors(log_likelihoods: FloatArray, log_prior: FloatArray) -> FloatArray:
    """Bayes' rule over the candidates of each report: two (N, c) arrays in, one out."""
    odds = log_likelihoods + log_prior
    odds -= odds.max(axis=1, keepdims=True)
    np.exp(odds, out=odds)
    odds /= odds.sum(axis=1, keepdims=True)
    return np.asarray(odds, np.float32)
