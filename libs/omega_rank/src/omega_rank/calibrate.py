"""How far the genres of a list are from those that a household watches, as the list grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray

SMOOTHING = 0.01
"""Share of the wanted mix that is mixed into a list's, so that no genre is missing from it."""


def even_shares(genre_rows: FloatArray) -> FloatArray:
    """(m, g) share of each genre in each title: a title splits evenly over those it carries.

    Steck 2018 (Calibrated recommendations), p(g|i).

    Args:
        genre_rows: (m, g) above 0 where a title carries a genre.
    """
    carries = (genre_rows > 0).astype(np.float32)
    carries /= np.maximum(carries.sum(axis=1, keepdims=True), 1)
    return carries


@dataclass(frozen=True, eq=False)
class Mix:
    """The genres that a list should have, and those of the titles it may be made of."""

    wanted: NDArray[np.float64]
    """(g,) share of each genre, at least 0; they add up to 1."""
    shares: FloatArray
    """(m, g) share of each genre in each title (even_shares)."""
    weight: float
    """Weight of the divergence beside that of the greatest cosine, at least 0."""

    @classmethod
    def of(
        cls, genre_rows: FloatArray, wanted: NDArray[np.float64] | None, weight: float
    ) -> Self | None:
        """The mix over the titles of `genre_rows` (m, g); None where nothing is wanted."""
        if wanted is None or not weight or not wanted.any():
            return None
        return cls(wanted, even_shares(genre_rows), weight)


class Filling:
    """A list that grows title by title, with what each title more would make of its genres.

    Args:
        mix: what is wanted and what there is.
        first: position of the first title.
    """

    def __init__(self, mix: Mix, first: int) -> None:
        # A genre that is not wanted adds nothing to the divergence but through the others' shares.
        held = mix.wanted > 0
        self._wanted = mix.wanted[held].astype(np.float32)
        self._shares = np.ascontiguousarray(mix.shares[:, held])
        self._counts = np.asarray(mix.shares.sum(axis=1) > 0, np.float32)
        # With s = SMOOTHING and t titles the mixed shares are (1 - s) / t x (sum of the shares +
        # t s / (1 - s) x wanted): what does not change as the list grows is added up once.
        self._floor = np.float32(SMOOTHING / (1 - SMOOTHING)) * self._wanted
        self._each = self._shares + self._counts[:, None] * self._floor
        self._constant = np.float32(self._wanted @ np.log(self._wanted) - np.log(1 - SMOOTHING))
        self._sum = np.zeros(len(self._wanted), np.float32)
        self._titles = 0
        self.add(first)

    def add(self, position: int) -> None:
        """Takes a title into the list."""
        self._sum = self._sum + self._each[position]
        self._titles += int(self._counts[position])

    def divergences(self) -> FloatArray:
        """(m,) divergence in nats of the list with each title more, at most ln 100 = 4.6.

        Steck 2018, equation 3: that of Kullback and Leibler of the list's shares from the wanted
        ones, with 1 % of the wanted mixed into the list's. Titles without genres do not count.
        """
        titles = self._titles + self._counts
        mixed = self._each + self._sum
        if not self._titles:
            # Nothing counts yet, and nothing with a title that has no genres.
            empty = self._counts == 0
            mixed[empty], titles[empty] = self._floor, 1
        # Not by BLAS: it is no faster for so small a product, and on some processors it raises
        # the flag of an invalid operation over numbers that are all finite.
        logs = np.einsum("tg,g->t", np.log(mixed, out=mixed), self._wanted)
        return np.asarray(self._constant + np.log(titles) - logs, np.float32)
