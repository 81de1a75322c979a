"""What the brain is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.content import Content, ContentKind, ViewingContext
from omega_core.vectors import FloatArray
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


@dataclass(frozen=True)
class Answer:
    """A list with what stands behind it."""

    recommendation_id: str
    """UUID that later events refer to."""
    ranking: Ranking
    """Titles, best first."""
    contents: dict[int, Content]
    """The ranked titles by row."""
    watched: dict[int, str]
    """Content ids of the rows that reasons name."""
    factors_version: int
    """Factors behind the list; 0 = none."""


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
