"""Exact likelihoods of what a TV may send for a title under memoised Gaussian noise.

Bit i of a sketch is 1 when a_i + z_i >= 0 with z_i ~ N(0, 1) and a_i = sqrt(384) e_i / sigma, so
P(bit i = 1) = Phi(a_i). The server's decoder uses a linear approximation; an attacker need not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, IntArray, compact
from omega_eval.attacks.histories import FOLDS, Histories, outside

CANDIDATES = 300
"""Titles kept of each report: the likeliest under the outsiders' popularity."""
_BLOCK = 1_024
_IMPOSSIBLE = 1e-12
_GRID = np.linspace(-8.0, 8.0, 8_001)
_PHI = 0.5 * np.array([math.erfc(-x / math.sqrt(2)) for x in _GRID.tolist()])


@dataclass(frozen=True, eq=False)
class Channel:
    """log P(report | title) = base[title] + report @ slopes[:, title], a report being k numbers."""

    base: FloatArray
    """(n,)"""
    slopes: FloatArray
    """(k, n)"""

    def log_likelihoods(self, reports: FloatArray) -> FloatArray:
        """(N, n) for reports (N, k)."""
        return np.asarray(reports @ self.slopes + self.base, np.float32)


def sketch_channel(embeddings: FloatArray, sigma: float, draws: int = 1) -> Channel:
    """Of the sum of `draws` sketches with independent noise; each is 384 of +-1.

    Args:
        embeddings: (n, 384) centred unit rows.
        sigma: noise scale, above 0.
        draws: how many sketches were added up, at least 1.
    """
    a = _thresholds(embeddings, sigma)
    one, zero = np.log(_phi(a)), np.log(_phi(-a))
    base = draws * (one + zero).sum(axis=1) / 2
    return Channel(base.astype(np.float32), ((one - zero) / 2).T.astype(np.float32))


def twin_channel(first: FloatArray, second: FloatArray, sigma: float) -> Channel:
    """Of two sketches of one title and one noise under two embeddings, both (n, 384).

    A report holds, for each component, which of 1/1, 1/0, 0/1 the two bits are (0/0 is the rest):
    3 x 384 indicators, see `twin_report`. With a <= b as thresholds only one of 1/0 and 0/1 is
    possible at all, and its chance is Phi(b) - Phi(a).
    """
    a, b = _thresholds(first, sigma), _thresholds(second, sigma)
    one_a, one_b = _phi(a), _phi(b)
    both, none = np.minimum(one_a, one_b), 1 - np.maximum(one_a, one_b)
    cells = (both, one_a - both, one_b - both)
    logs = [np.log(np.maximum(cell, _IMPOSSIBLE)) for cell in cells]
    rest = np.log(np.maximum(none, _IMPOSSIBLE))
    slopes = np.concatenate([(each - rest).T for each in logs])
    return Channel(rest.sum(axis=1).astype(np.float32), slopes.astype(np.float32))


def twin_report(first: FloatArray, second: FloatArray) -> FloatArray:
    """(N, 3 x 384) indicators of two sketches (N, 384) of +-1 each; see `twin_channel`."""
    p, q = first > 0, second > 0
    return np.concatenate([p & q, p & ~q, ~p & q], axis=1).astype(np.float32)


def evidence(
    histories: Histories,
    users: IntArray,
    truth: IntArray,
    channels: Sequence[tuple[Channel, FloatArray]],
    most: int = CANDIDATES,
) -> Evidence:
    """Reports joined by household.

    Args:
        histories: whose titles the channels speak of.
        users: (N,) household of each report.
        truth: (N,) title behind each.
        channels: independent reports of the same titles: a channel and what came through it (N, k).
        most: candidates of each report.
    """
    n, c = len(users), min(most, histories.titles)
    known = [np.log(outside(histories, fold).popularity) for fold in range(FOLDS)]
    folds = histories.folds[users]
    candidates = np.empty((n, c), np.int32)
    kept = np.empty((n, c), np.float32)
    for begin in range(0, n, _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        logs = np.zeros((len(folds[rows]), histories.titles), np.float32)
        for channel, reports in channels:
            logs += channel.log_likelihoods(reports[rows])
        likely = logs + np.stack([known[fold] for fold in folds[rows]])
        part = np.argpartition(-likely, c - 1, axis=1)[:, :c]
        candidates[rows] = part
        kept[rows] = np.take_along_axis(logs, part, 1)
    return Evidence(users, compact(users), truth, candidates, kept)


def _thresholds(embeddings: FloatArray, sigma: float) -> NDArray[np.float64]:
    return embeddings.astype(np.float64) * (math.sqrt(DIMENSION) / sigma)


def _phi(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal distribution function, at least 6e-16."""
    return np.asarray(np.interp(x, _GRID, _PHI))
