"""What opens of a fleet's reports, by counting: the shortcut past the cryptography."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_eval.threshold.reporting import IntArray, Likes, Told
from omega_learn.opened import OpenedPairs, opened_pairs
from omega_threshold import Pair


@dataclass(frozen=True, eq=False)
class Opening:
    """g groups, each the reports of one pair in one epoch."""

    codes: IntArray
    """(g,) pair of each."""
    epochs: IntArray
    """(g,) epoch of each."""
    counts: IntArray
    """(g,) reports."""
    group: IntArray
    """(N,) group of each report."""
    threshold: int
    """Reports that open a group."""

    @classmethod
    def of(cls, told: Told, threshold: int) -> Opening:
        """Groups reports."""
        keys = np.stack([told.codes, told.epochs], axis=1)
        pairs, group, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        epochs = pairs[:, 1]
        return cls(pairs[:, 0], epochs, counts, group.reshape(-1), threshold)

    @property
    def open(self) -> NDArray[np.bool_]:
        """(g,) whether each has enough reports."""
        return np.asarray(self.counts >= self.threshold)

    def lost(self, days: int, epoch_days: int) -> int:
        """Reports that were sealed when their epoch closed, by the end of so many days."""
        closed = self.epochs < days // epoch_days
        return int(self.counts[closed & ~self.open].sum())

    def by_pair(self, reports: NDArray[np.bool_] | None = None) -> tuple[IntArray, IntArray]:
        """Numbers of open pairs, ascending, and their reports over all epochs.

        Args:
            reports: (N,) to count some of the reports in open groups only.
        """
        counts = self.counts
        if reports is not None:
            counts = np.bincount(self.group[reports], minlength=len(counts))
        codes, place = np.unique(self.codes[self.open], return_inverse=True)
        total = np.bincount(place.reshape(-1), counts[self.open], minlength=len(codes))
        return codes, total.astype(np.int64)

    def by_key(self, likes: Likes) -> dict[Pair, int]:
        """Reports of each open pair."""
        codes, counts = self.by_pair()
        return {
            likes.pair(code): count
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        }

    def evidence(self, keys: Sequence[bytes]) -> OpenedPairs:
        """What a round reads of it, for a catalogue whose titles have these keys."""
        codes, counts = self.by_pair()
        first, second = np.divmod(codes, len(keys))
        told = zip(first.tolist(), second.tolist(), counts.tolist(), strict=True)
        return opened_pairs(((keys[a], keys[b], count) for a, b, count in told), keys)
