"""Clues that the learned attacker weighs: what each says of every candidate of every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray, unit
from omega_eval.attacks.evidence import Evidence, IntArray
from omega_eval.attacks.histories import Known

_FAINT = 1e-3
_NOTHING = 0.02
_CONTENT = 10.0  # a cosine on the scale of the other clues
SHRINK = 10.0
"""Reports that stand in advance behind the view that a field says nothing of a title."""
_POPULARITY_EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The likeliest candidates of each report, C of them."""

    at: NDArray[np.int64]
    """(N, C) their places in the candidates."""
    titles: NDArray[np.int32]
    """(N, C)"""

    @classmethod
    def of(cls, evidence: Evidence, posterior: FloatArray, most: int) -> Shortlist:
        """By probability or its logarithm, (N, c)."""
        n, c = posterior.shape
        if c <= most:
            at = np.broadcast_to(np.arange(c, dtype=np.int64), (n, c))
        else:
            at = np.argpartition(-posterior, most - 1, axis=1)[:, :most].astype(np.int64)
        return cls(at, np.take_along_axis(evidence.candidates, at, 1))


def base_clues(
    evidence: Evidence, posterior: FloatArray, known: Known, shortlist: Shortlist
) -> FloatArray:
    """(N, C, 7): the report itself and what the household's other reports and others' tastes say.

    In order: log-likelihood; log popularity; log of EASE's score; the alternating attacker's log
    prior; ten times the cosine with the household's mean embedding; how many of its reports have
    the candidate; how likely another of its reports is about it.
    """
    titles, owners = shortlist.titles, evidence.owners[:, None]
    histories = known.histories
    own = np.take_along_axis(posterior, shortlist.at, 1)
    stakes = evidence.stakes(posterior, histories.titles)
    tastes = np.maximum(known.expected(stakes), 0)
    share = tastes / np.maximum(tastes.sum(axis=1, keepdims=True), 1e-12)
    peak = tastes / np.maximum(tastes.max(axis=1, keepdims=True), 1e-12)
    mixed = 0.9 * share + 0.1 * known.popularity
    content = unit(stakes @ histories.embeddings) @ histories.embeddings.T
    named = evidence.stakes(np.full_like(posterior, 1e-4), histories.titles) * 1e4
    clues = (
        np.take_along_axis(evidence.log_likelihoods, shortlist.at, 1),
        np.log(known.popularity)[titles],
        np.log(peak[owners, titles] + _FAINT),
        np.log(mixed[owners, titles]),
        _CONTENT * content[owners, titles],
        np.log(named[owners, titles]),
        np.log(np.maximum(stakes[owners, titles] - own, 0) + _NOTHING),
    )
    return np.stack(clues, axis=-1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Seen:
    """Reports of households whose histories are known, k of them."""

    truth: IntArray
    """(k,) title behind each."""
    fields: Mapping[str, IntArray]
    """What came with each, (k,) by name."""


def field_clues(
    fields: Mapping[str, IntArray], seen: Seen, known: Known, titles: NDArray[np.int32]
) -> FloatArray:
    """(N, C, f): what the fields that came with a report say of each candidate.

    For each field and each way to group titles (the title alone, its popularity, each of the public
    groups): log P(value | group) - log P(value), from reports whose titles are known, shrunk
    towards no information. So any dependence of a field on what was watched can be found, whatever
    the field means.

    Args:
        fields: values of the reports that are attacked, (N,) by name.
        seen: reports with the same fields whose truth the attacker knows.
        known: gives the popularity.
        titles: (N, C) candidates.
    """
    histories = known.histories
    popular = np.digitize(known.likes, _POPULARITY_EDGES).astype(np.int64)
    ways = [np.arange(histories.titles, dtype=np.int64), popular, *histories.groups.values()]
    clues = [
        _ratio(way[seen.truth], seen.fields[name], way, values, titles)
        for name, values in fields.items()
        for way in ways
    ]
    if not clues:
        return np.zeros((*titles.shape, 0), np.float32)
    return np.stack(clues, axis=-1)


def _ratio(
    seen: IntArray,
    seen_values: IntArray,
    way: IntArray,
    values: IntArray,
    titles: NDArray[np.int32],
) -> FloatArray:
    """Log P(value | group of the candidate) - log P(value), (N, C)."""
    width = int(max(seen_values.max(initial=0), values.max(initial=0))) + 1
    groups = int(way.max(initial=0)) + 1
    table = np.bincount(seen * width + seen_values, minlength=groups * width)
    counts = table.reshape(groups, width).astype(np.float64)
    usual = counts.sum(axis=0) + 1.0
    usual /= usual.sum()
    shrunk = (counts + SHRINK * usual) / (counts.sum(axis=1, keepdims=True) + SHRINK)
    logs = np.log(shrunk / usual).astype(np.float32)
    return np.asarray(logs[way[titles], values[:, None]])
