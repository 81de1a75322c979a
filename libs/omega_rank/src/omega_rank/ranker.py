"""The hybrid ranker: relevance, diversity, and a reason a person understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from omega_core.content import ViewingContext
from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_rank.model import CollectiveModel


class Basis(IntEnum):
    """What a list rests on; values as in omega.brain.v1.Basis."""

    PERSONAL = 1
    COLLECTIVE_PRIOR = 2
    METADATA = 3


class Term(IntEnum):
    """A part of the relevance; values as in omega.brain.v1.ReasonTerm."""

    COLLABORATIVE = 1
    CONTENT = 2
    GENRE = 3
    NEAREST = 4
    PRIOR = 5
    METADATA = 6


@dataclass(frozen=True)
class Ranked:
    """One title of a list."""

    row: int
    """Its catalogue row."""
    score: float
    """0 to 1, never rising down the relevance order (diversity may then move a title).

    The logistic of the title's mean standard score over the terms' weights: 0.5 is an average
    unseen title of this household, and filters do not change it.
    """
    contributions: Mapping[Term, float]
    """Weight x standard score of each term; they add up to the relevance."""
    reason_term: Term
    """Term that the reason speaks of: one of the two largest contributions."""
    because: tuple[int, ...]
    """At most 2 rows of the household's history that the reason names, strongest first."""
    reason: str
    """For a person, 1 to 1,000 characters."""


@dataclass(frozen=True)
class Ranking:
    """A page of one ranked list."""

    basis: Basis
    """What it rests on."""
    titles: tuple[Ranked, ...]
    """Best first, none seen."""


class Ranker:
    """Ranks what a household has not seen. Stateless: safe to share between threads."""

    def __init__(self, config: RankConfig | None = None) -> None:
        raise NotImplementedError

    def rank(
        self,
        catalogue: Catalogue,
        model: CollectiveModel | None,
        history: History,
        *,
        limit: int,
        offset: int = 0,
        context: ViewingContext | None = None,
        candidates: NDArray[np.bool_] | None = None,
    ) -> Ranking:
        """Titles `offset` to `offset + limit` of the household's list.

        Args:
            catalogue: the rows all else is aligned to.
            model: the fleet's knowledge, or None.
            history: the household.
            limit: most titles wanted, at least 1.
            offset: first rank wanted; pages of one list neither overlap nor skip.
            context: circumstances; absent = no title is preferred.
            candidates: (n,) rows that may appear; absent = all.

        Raises:
            ValueError: model, history or candidates are not aligned to the catalogue.
        """
        raise NotImplementedError
