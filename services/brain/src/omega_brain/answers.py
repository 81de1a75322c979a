"""What the brain is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.content import Availability, ContentKind, Provider
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_rank.kinds import Basis, Term
from omega_runtime import Mode


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
    availabilities: tuple[Availability, ...] = ()
    """Only titles offered in one of these ways, when given."""
    kinds: tuple[ContentKind, ...] = ()
    """Only these kinds, when given."""
    query_text: str = ""
    """Only titles near this text, when given."""
    profile_id: str = ""
    """Whose list; empty = the household's."""
    company: tuple[str, ...] = ()
    """Profiles that watch along."""
    exclude_content_ids: tuple[str, ...] = ()
    """Never these."""
    exclude_genres: tuple[str, ...] = ()
    """No title of these genres, compared without case."""
    diversity: float | None = None
    """0 to 1; None = as tuned."""
    cursor: str = ""
    """recommendation_id of the page before; empty = a list of its own."""


@dataclass(frozen=True)
class Listed:
    """One title of an answer."""

    content_id: str
    """Its id."""
    title: str
    """Its name."""
    kind: ContentKind
    """What it is."""
    genres: tuple[str, ...]
    """As stored with it."""
    year: int
    """0 when unknown."""
    score: float
    """0 to 1."""
    reason: str
    """For a person, 1 to 1,000 characters."""
    reason_term: Term
    """Term that the reason speaks of."""
    because: tuple[str, ...] = ()
    """Ids of the household's titles that the reason names."""
    providers: tuple[Provider, ...] = ()
    """Where it can be watched."""


@dataclass(frozen=True)
class Answer:
    """A page of one list."""

    recommendation_id: str
    """UUID that later events refer to."""
    titles: tuple[Listed, ...]
    """Best first, none seen."""
    basis: Basis
    """What it rests on."""
    mode: Mode
    """How it was made."""
    factors_version: int
    """Factors behind the list; 0 = none."""
    settings_version: int
    """Tuned settings behind the list; 0 = those shipped."""
    more: bool
    """Whether there may be titles that follow."""

    @property
    def content_ids(self) -> list[str]:
        """The list by content id, best first."""
        return [title.content_id for title in self.titles]


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
