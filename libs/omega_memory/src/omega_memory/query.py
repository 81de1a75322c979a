"""Builds queries: QueryBuilder.all_tiers().about(vector, model).at_least(0.5).build()."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from omega_core.memory import MemoryQuery, Scale, Tier
from omega_core.vectors import FloatArray
from omega_memory.checks import check_query


class QueryBuilder:
    """A query under construction; every method returns a new builder."""

    def __init__(self, query: MemoryQuery | None = None) -> None:
        self._query = query or MemoryQuery()

    @classmethod
    def individual(cls) -> QueryBuilder:
        """Searches the tiers of the household: Instant to Semantic."""
        return cls().scale(Scale.INDIVIDUAL)

    @classmethod
    def species(cls) -> QueryBuilder:
        """Searches the tiers of fleet and device: Collective to Substrate."""
        return cls().scale(Scale.SPECIES)

    @classmethod
    def cosmic(cls) -> QueryBuilder:
        """Searches Civilizational to Omega."""
        return cls().scale(Scale.COSMIC)

    @classmethod
    def all_tiers(cls) -> QueryBuilder:
        """Searches everything."""
        return cls().tiers(*Tier)

    def scale(self, scale: Scale) -> QueryBuilder:
        """In the tiers of one scale."""
        return self.tiers(*(tier for tier in Tier if tier.scale is scale))

    def tiers(self, *tiers: Tier) -> QueryBuilder:
        """In these tiers; none = in all."""
        return QueryBuilder(replace(self._query, tiers=tiers))

    def about(self, vector: FloatArray, model_version: str) -> QueryBuilder:
        """Most similar first to a vector (384,): that of a text, embedded, or of a title."""
        return QueryBuilder(replace(self._query, vector=vector, model_version=model_version))

    def of(self, profile_id: str) -> QueryBuilder:
        """Of a profile; empty = the household's."""
        return QueryBuilder(replace(self._query, profile_id=profile_id))

    def created(
        self, *, start: datetime | None = None, before: datetime | None = None
    ) -> QueryBuilder:
        """Created from `start` on and before `before`, both aware."""
        return QueryBuilder(replace(self._query, created_from=start, created_before=before))

    def carrying(self, **metadata: str) -> QueryBuilder:
        """With these metadata, beside those asked for so far."""
        wanted = {**self._query.metadata, **metadata}
        return QueryBuilder(replace(self._query, metadata=wanted))

    def similar(self, least: float) -> QueryBuilder:
        """Of at least this similarity, -1 to 1."""
        return QueryBuilder(replace(self._query, min_similarity=least))

    def important(self, least: float) -> QueryBuilder:
        """Of at least this importance, 0 to 1."""
        return QueryBuilder(replace(self._query, min_importance=least))

    def sure(self, least: float) -> QueryBuilder:
        """Of at least this confidence, 0 to 1."""
        return QueryBuilder(replace(self._query, min_confidence=least))

    def limit(self, most: int) -> QueryBuilder:
        """At most this many, 1 to 100."""
        return QueryBuilder(replace(self._query, limit=most))

    def build(self) -> MemoryQuery:
        """The query.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        return check_query(self._query)
