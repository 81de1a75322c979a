"""Titles' centred vectors, as the agent database asks for them."""

from __future__ import annotations

import numpy as np

from omega_agentdb import IdArray
from omega_brain.household import Household
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray


class CentredTitles:
    """Centred vectors by rowid, from the ranking state. Touches no disk."""

    def __init__(self, household: Household, model_version: str) -> None:
        self._household = household
        self._model_version = model_version

    @property
    def model_version(self) -> str:
        """Encoder of the vectors, and the mean that they are centred on."""
        return self._model_version

    def centred(self, rowids: IdArray) -> FloatArray:
        """Vectors (n, 384) of titles (n,): unit, or zero where a title is not known."""
        titles = self._household.titles
        rows = np.searchsorted(titles.rowids, rowids)
        known = rows < len(titles.rowids)
        known[known] = titles.rowids[rows[known]] == rowids[known]
        found = np.zeros((len(rowids), DIMENSION), np.float32)
        found[known] = titles.catalogue.embeddings[rows[known]]
        return found
