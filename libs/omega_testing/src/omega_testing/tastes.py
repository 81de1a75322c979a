"""Made-up tastes with a known structure, for tests of collective learning.

Titles come in groups that point the same way, and a household likes titles of one group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, centre, unit
from omega_privacy import class_byte

LIKED = class_byte(7, 1)
"""Class byte of a title that was watched to the end 2 or 3 times."""


@dataclass(frozen=True)
class TasteWorld:
    """Titles in groups; title i belongs to group i // each."""

    embeddings: FloatArray
    """Unit rows as an encoder would give them, float32 (groups x each, 384)."""
    mean: FloatArray
    """Their mean, float32 (384,)."""
    each: int
    """Titles a group."""

    @property
    def centred(self) -> FloatArray:
        """Centred unit rows."""
        return centre(self.embeddings, self.mean)

    def sketches(self, titles: list[int], sigma: float, seed: int) -> bytes:
        """A sketch of each title with noise of this scale drawn by `seed`, 48 bytes each."""
        noise = np.random.default_rng([seed, 1]).standard_normal((len(titles), DIMENSION))
        noisy = self.centred[titles] + sigma / np.sqrt(DIMENSION) * noise
        return np.packbits(noisy >= 0, axis=1).tobytes()


def taste_world(groups: int = 4, each: int = 15, seed: int = 0) -> TasteWorld:
    """Groups of titles whose cosine within a group is about a half, and about 0 across."""
    random = np.random.default_rng(seed)
    shared = unit(random.standard_normal((groups, DIMENSION)).astype(np.float32))
    own = unit(random.standard_normal((groups * each, DIMENSION)).astype(np.float32))
    rows = unit(np.repeat(shared, each, axis=0) + own).astype(np.float16).astype(np.float32)
    return TasteWorld(unit(rows), rows.mean(axis=0), each)
