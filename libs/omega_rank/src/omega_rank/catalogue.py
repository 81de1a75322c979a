"""Titles as arrays, in one fixed row order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from omega_core.content import Content
from omega_core.vectors import FloatArray

MAX_GENRE_COLUMNS = 128
"""Genres that count in the ranking: the most frequent ones, so that free text stays bounded."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """n titles by row. Arrays are read-only by agreement; growth makes a new catalogue."""

    ids: tuple[str, ...]
    """Content ids."""
    titles: tuple[str, ...]
    """Names for people."""
    embeddings: FloatArray
    """(n, 384) float32, centred, unit rows."""
    genres: tuple[str, ...]
    """Names of the g genre columns, sorted; at most MAX_GENRE_COLUMNS."""
    genre_rows: FloatArray
    """(n, g) float32: idf of each genre a title carries, unit rows (zero without genres)."""
    kinds: NDArray[np.int8]
    """(n,) values of ContentKind."""
    years: NDArray[np.int16]
    """(n,) year of release, 0 = unknown."""
    ordinals: NDArray[np.int64]
    """(n,) position in the fleet's catalogue index, -1 = known to this TV only."""
    row_of: Mapping[str, int]
    """Row of each content id."""

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(
        cls,
        contents: Sequence[Content],
        embeddings: FloatArray,
        centring_mean: FloatArray | None = None,
        ordinals: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> Catalogue:
        """A catalogue of `contents` in their order.

        Args:
            contents: distinct ids; may be empty.
            embeddings: (n, 384) unit rows as the encoder gave them (not centred).
            centring_mean: (384,) mean that is subtracted first; absent = the mean of `embeddings`.
            ordinals: position of each title in the fleet's index, -1 = local only; absent = all -1.

        Raises:
            ValueError: lengths differ or an id appears twice.
        """
        raise NotImplementedError

    def extended(
        self,
        contents: Sequence[Content],
        embeddings: FloatArray,
        centring_mean: FloatArray | None = None,
        ordinals: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> Catalogue:
        """This catalogue with titles replaced (known ids keep their row) or appended.

        Arguments as in `build`; centring_mean absent = the mean this catalogue was built with.
        """
        raise NotImplementedError
