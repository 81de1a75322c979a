"""The agent database: vectors, episodes, taste patterns and causes under one roof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from omega_agentdb import bound
from omega_agentdb.causal import CausalEdge, CausalLearner, CausalPath, PathBy
from omega_agentdb.config import AgentDBConfig
from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex
from omega_agentdb.port import VectorIndex
from omega_agentdb.reflexion import Recalled, Reflexion
from omega_agentdb.skill_search import FoundSkill, nearest, search
from omega_agentdb.skills import SkillLearner
from omega_agentdb.stores import (
    CausalStore,
    EpisodeStore,
    SkillStore,
    TitleVectors,
    VectorRecords,
)
from omega_agentdb.table import RowType
from omega_agentdb.vector_store import FoundVector, VectorStore
from omega_core import limits
from omega_core.clock import Clock
from omega_core.episodes import Episode, EpisodeTotals
from omega_core.taste import Skill, TasteViewing
from omega_core.vector_records import VectorRecord
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent


@dataclass(frozen=True)
class Stores:
    """What is stored durably."""

    skills: SkillStore
    """Taste patterns."""
    causal: CausalStore
    """Causes."""
    episodes: EpisodeStore
    """Viewings."""
    vectors: VectorRecords
    """Vectors of programs in this process."""


@dataclass(frozen=True)
class AgentStats:
    """Counts."""

    catalogue_vectors: int
    """Titles in the catalogue's index."""
    dead_vectors: int
    """Removed or replaced vectors that its index still holds."""
    vectors: int
    """Vectors stored through the agent database."""
    episodes: int
    """Viewings kept."""
    skills: int
    """Taste patterns of everybody."""
    members: int
    """Titles in them."""
    causal_edges: int
    """Causal edges of everybody."""
    max_patterns: int
    """Bound on patterns and edges together, and on vectors."""


class AgentDB:
    """The agent database. A thin facade: each part can be used by itself. Safe for threads.

    Args:
        catalogue: index of all titles, which the brain keeps in step with its table.
        titles: the titles' centred vectors.
        stores: the tables.
        clock: time.
        config: settings.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """

    def __init__(
        self,
        catalogue: VectorIndex,
        titles: TitleVectors,
        stores: Stores,
        clock: Clock,
        config: AgentDBConfig | None = None,
    ) -> None:
        self.config = config or AgentDBConfig()
        """Settings."""
        self.catalogue = catalogue
        """Index of all titles."""
        # Compared one by one: 10,000 take about a millisecond, and a start builds no graph.
        own = ExactIndex(limits.DIMENSION, row_type=RowType.FLOAT16)
        self.vectors = VectorStore(own, stores.vectors, clock, self.config.max_patterns)
        """Vectors of programs in this process."""
        self.episodes = Reflexion(stores.episodes, catalogue)
        """Viewings."""
        self.skills = SkillLearner(stores.skills, titles, self.config.skills)
        """Taste patterns."""
        self.causal = CausalLearner(stores.causal, stores.skills, self.config.causal)
        """Causes."""
        self._stores = stores
        self._clock = clock

    def vector_store(
        self,
        vector: FloatArray,
        metadata: Mapping[str, str] | None = None,
        *,
        vector_id: str | None = None,
        value: float = 0.5,
    ) -> str:
        """`VectorStore.store`."""
        return self.vectors.store(vector, metadata, vector_id=vector_id, value=value)

    def vector_search(
        self, vector: FloatArray, k: int, *, allowed: Iterable[str] | None = None
    ) -> list[FoundVector]:
        """`VectorStore.search`."""
        return self.vectors.search(vector, k, allowed=allowed)

    def vector_get(self, vector_id: str) -> VectorRecord | None:
        """`VectorStore.get`."""
        return self.vectors.get(vector_id)

    def vector_delete(self, vector_id: str) -> bool:
        """`VectorStore.delete`."""
        return self.vectors.delete(vector_id)

    def reflexion_store(self, event: ViewingEvent) -> bool:
        """`Reflexion.store`."""
        return self.episodes.store(event)

    def reflexion_retrieve(
        self,
        text_vector: FloatArray,
        k: int,
        *,
        success: bool | None = None,
        min_reward: float = 0.0,
        profile_id: str = "",
    ) -> list[Recalled]:
        """`Reflexion.retrieve`."""
        return self.episodes.retrieve(
            text_vector, k, success=success, min_reward=min_reward, profile_id=profile_id
        )

    def reflexion_by_session(self, session_id: str) -> list[Episode]:
        """`Reflexion.by_session`."""
        return self.episodes.by_session(session_id)

    def reflexion_analyze(
        self, task_prefix: str = "", profile_id: str | None = None
    ) -> EpisodeTotals:
        """`Reflexion.analyze`."""
        return self.episodes.analyze(task_prefix, profile_id)

    def skill_create(self, name: str, centroid: FloatArray, *, profile_id: str = "") -> int:
        """`SkillLearner.found`."""
        return self.skills.found(name, centroid, self._clock.now(), profile_id=profile_id)

    skill_store = skill_create

    def skill_list(self, profile_id: str | None = None) -> list[Skill]:
        """Patterns of a profile (None = of all), by id."""
        return self._stores.skills.skills(profile_id)

    def skill_search(self, text: str, limit: int = 10, *, profile_id: str = "") -> list[Skill]:
        """Patterns whose name holds a text, without case; the most worthwhile first."""
        return search(self.skill_list(profile_id), text, limit, self._clock.now())

    def skill_search_by_embedding(
        self, vector: FloatArray, k: int, *, profile_id: str = ""
    ) -> list[FoundSkill]:
        """The k patterns nearest to a centred vector (384,), nearest first."""
        return nearest(self.skill_list(profile_id), vector, k)

    def skill_update_stats(self, skill_id: int, viewing: TasteViewing) -> Skill:
        """`SkillLearner.count_for`."""
        return self.skills.count_for(skill_id, viewing)

    def pattern_of(self, content_rowid: int, profile_id: str = "") -> Skill | None:
        """`SkillLearner.pattern_of`."""
        return self.skills.pattern_of(content_rowid, profile_id)

    def causal_record(
        self, cause: str, effect: str, *, happened: bool = True, profile_id: str = ""
    ) -> None:
        """`CausalLearner.record`, now."""
        self.causal.record(
            cause, effect, self._clock.now(), happened=happened, profile_id=profile_id
        )

    causal_add_edge = causal_record

    def causal_effects(
        self, cause: str, *, profile_id: str = "", only_sure: bool = False
    ) -> list[CausalEdge]:
        """`CausalLearner.effects_of`, now."""
        return self.causal.effects_of(
            cause, self._clock.now(), profile_id=profile_id, only_sure=only_sure
        )

    def causal_causes(
        self, effect: str, *, profile_id: str = "", only_sure: bool = False
    ) -> list[CausalEdge]:
        """`CausalLearner.causes_of`, now."""
        return self.causal.causes_of(
            effect, self._clock.now(), profile_id=profile_id, only_sure=only_sure
        )

    def causal_path(
        self,
        cause: str,
        effect: str,
        *,
        profile_id: str = "",
        max_depth: int = 3,
        by: PathBy = PathBy.PROBABILITY,
        only_sure: bool = False,
    ) -> CausalPath | None:
        """`CausalLearner.path`, now."""
        return self.causal.path(
            cause,
            effect,
            self._clock.now(),
            profile_id=profile_id,
            max_depth=max_depth,
            by=by,
            only_sure=only_sure,
        )

    def keep_within_bounds(self, at: datetime) -> dict[str, int]:
        """Forgets causes that decayed to nothing, and what exceeds max_patterns.

        Returns:
            What was forgotten -> how often.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        causal = self._stores.causal
        faded = bound.forget_faded(self.config, causal, at)
        excess = bound.enforce(self.config, self._stores.skills, causal, at)
        return {name: faded.get(name, 0) + excess.get(name, 0) for name in faded | excess}

    def compact(self) -> bool:
        """One step of taking removed vectors out of the indexes; True = nothing is left."""
        return self.catalogue.compact() and self.vectors.compact()

    def stats(self) -> AgentStats:
        """Counts.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        dead = self.catalogue.dead if isinstance(self.catalogue, HnswIndex | ExactIndex) else 0
        return AgentStats(
            catalogue_vectors=len(self.catalogue),
            dead_vectors=dead,
            vectors=len(self.vectors),
            episodes=self.episodes.count(),
            skills=self._stores.skills.count(),
            members=self._stores.skills.member_count(),
            causal_edges=self._stores.causal.count(),
            max_patterns=self.config.max_patterns,
        )

    def clear(self, profile_id: str | None = None) -> dict[str, int]:
        """Forgets what was learnt of a profile; None = of everybody, and every stored vector.

        Viewings and the catalogue are not its own and stay; what was learnt from them is not learnt
        again.

        Returns:
            What was forgotten -> how often.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        gone = {
            "patterns": self._stores.skills.clear(profile_id),
            "edges": self._stores.causal.clear(profile_id),
        }
        if profile_id is None:
            gone["vectors"] = self.vectors.clear()
        return gone
