"""The ports to what is stored durably, and to the titles' vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from omega_agentdb.port import IdArray
from omega_core.causes import CausalChanges, CausalCount, CausalTail, CausalTotal
from omega_core.episodes import Episode, EpisodeTotals
from omega_core.taste import Skill, SkillChanges, SkillMember
from omega_core.vector_records import VectorRecord
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent


class TitleVectors(Protocol):
    """Centred vectors of titles, all of one encoder."""

    @property
    def model_version(self) -> str:
        """Encoder of the vectors, at most 64 characters."""
        ...

    def centred(self, rowids: IdArray) -> FloatArray:
        """Vectors (n, 384) float32 of titles (n,): unit, or zero where a title is not known."""
        ...


class SkillStore(Protocol):
    """Taste patterns and their members. Every method may raise STORAGE_UNAVAILABLE."""

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        ...

    def last_skill_id(self) -> int:
        """Greatest id ever given out; 0 = none."""
        ...

    def profiles(self) -> list[str]:
        """Profiles with patterns, ascending."""
        ...

    def skills(self, profile_id: str | None = None) -> list[Skill]:
        """Patterns of a profile (None = of all), by id."""
        ...

    def skill_after(self, profile_id: str, skill_id: int) -> Skill | None:
        """The pattern of a profile with the next greater id; None = there is none."""
        ...

    def members(
        self, profile_id: str, *, skill_id: int | None = None, rowids: IdArray | None = None
    ) -> list[SkillMember]:
        """Members of a profile's patterns by rowid, of one pattern or among `rowids` if given."""
        ...

    def pattern_of(self, content_rowid: int, profile_id: str = "") -> Skill | None:
        """The pattern that a title belongs to."""
        ...

    def count(self) -> int:
        """Number of patterns."""
        ...

    def member_count(self) -> int:
        """Number of members of all patterns."""
        ...

    def save(self, changes: SkillChanges) -> None:
        """Stores changes in one transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was stored.
        """
        ...

    def clear(self, profile_id: str | None = None) -> int:
        """Forgets a profile's patterns (None = all); returns how many. The watermark stays."""
        ...


class CausalStore(Protocol):
    """Counts of transitions. Every method may raise STORAGE_UNAVAILABLE."""

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        ...

    def edges(
        self,
        profile_id: str | None = None,
        *,
        cause: str | None = None,
        effect: str | None = None,
        pairs: Iterable[tuple[str, str]] | None = None,
    ) -> list[CausalCount]:
        """Edges of a profile (None = of all), by (profile_id, cause, effect).

        Only those of one cause or effect, or among (cause, effect) pairs, where given.
        """
        ...

    def totals(self, profile_id: str) -> list[CausalTotal]:
        """Totals of a profile, by (kind, name)."""
        ...

    def profiles(self) -> list[str]:
        """Profiles with totals, ascending."""
        ...

    def tail(self, profile_id: str) -> CausalTail | None:
        """The profile's last viewing."""
        ...

    def count(self) -> int:
        """Number of edges."""
        ...

    def save(self, changes: CausalChanges) -> None:
        """Stores changes in one transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was stored.
        """
        ...

    def remove(self, edges: Iterable[tuple[str, str, str]]) -> int:
        """Forgets edges by (profile_id, cause, effect); returns how many were there."""
        ...

    def remove_totals(self, totals: Iterable[tuple[str, int, str]]) -> int:
        """Forgets totals by (profile_id, kind, name); returns how many were there."""
        ...

    def clear(self, profile_id: str | None = None) -> int:
        """Forgets a profile's edges, totals and last viewing (None = everybody's).

        The watermark stays. Returns how many edges there were.
        """
        ...


class EpisodeStore(Protocol):
    """Viewings as episodes. Every method may raise STORAGE_UNAVAILABLE.

    profile_id "" is the household: everybody's viewings. `success` None = either way.
    """

    def record(self, event: ViewingEvent) -> bool:
        """Stores a viewing, durably; False when its id is known.

        Raises:
            OmegaError: UNKNOWN_CONTENT, STORAGE_FULL.
        """
        ...

    def titles(
        self, profile_id: str = "", *, success: bool | None = None, min_reward: float = 0.0
    ) -> IdArray:
        """Rowids (n,) int64, ascending, of titles with such an episode."""
        ...

    def last_of(
        self,
        rowids: Sequence[int],
        profile_id: str = "",
        *,
        success: bool | None = None,
        min_reward: float = 0.0,
    ) -> Mapping[int, Episode]:
        """The last such episode of each title that has one."""
        ...

    def by_session(self, session_id: str) -> list[Episode]:
        """Episodes of a session, oldest first."""
        ...

    def analyze(self, task_prefix: str = "", profile_id: str | None = None) -> EpisodeTotals:
        """Sums over the episodes whose task begins so; profile None or "" = everybody's."""
        ...

    def count(self) -> int:
        """Number of episodes."""
        ...


class VectorRecords(Protocol):
    """Vectors stored through the agent database. Every method may raise STORAGE_UNAVAILABLE."""

    def all(self) -> list[VectorRecord]:
        """Every vector, by id."""
        ...

    def save(self, record: VectorRecord, removed: Sequence[str] = ()) -> None:
        """Adds or replaces a vector and forgets others, in one transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was stored.
        """
        ...

    def remove(self, vector_ids: Sequence[str]) -> int:
        """Forgets vectors; returns how many were there."""
        ...

    def clear(self) -> int:
        """Forgets every vector; returns how many there were."""
        ...
