"""What the brain is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from omega_brain.state import Titles
from omega_core.content import Content, ContentKind
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_persistence.events import RecordedEvent
from omega_rank.ranker import Ranking


@dataclass(frozen=True)
class RecommendQuery:
    """A validated request for a list."""

    limit: int = 20
    """1 to 100."""
    offset: int = 0
    """0 to 1,000."""
    context: ViewingContext | None = None
    """Circumstances."""
    content_ids: tuple[str, ...] = ()
    """Only these titles, when given."""
    available_services: tuple[str, ...] = ()
    """Only titles of these providers, when given."""
    kinds: tuple[ContentKind, ...] = ()
    """Only these kinds, when given."""
    query_text: str = ""
    """Only titles near this text, when given."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A page of one list, and what its rows mean."""

    recommendation_id: str
    """UUID that later events refer to."""
    ranking: Ranking
    """Titles by row, best first."""
    titles: Titles
    """The titles behind the rows."""
    factors_version: int
    """Factors behind the list; 0 = none."""

    @property
    def content_ids(self) -> list[str]:
        """The list by content id, best first."""
        return [self.titles.catalogue.ids[title.row] for title in self.ranking.titles]


@dataclass(frozen=True)
class Memory:
    """One remembered viewing that answers a query."""

    entry: RecordedEvent
    """The viewing."""
    content: Content
    """Its title."""
    similarity: float
    """Cosine with the query."""


@dataclass(frozen=True)
class LikedTitle:
    """A title that may be reported."""

    rowid: int
    """Its row in the database."""
    centred: FloatArray
    """Centred unit embedding (384,)."""
    success_rate: float
    """Share of its viewings that succeeded."""
    viewings: int
    """Times it was viewed."""
