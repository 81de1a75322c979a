"""The agent database of the TV: vectors, episodes, taste patterns, causes.

The catalogue's index is hnswlib behind a port, with an exact twin and snapshots: a cache of SQLite
whose ids are content rowids. What is learnt is stored through ports, which omega_persistence
answers.
"""

from omega_agentdb.agentdb import AgentDB, AgentStats, Stores
from omega_agentdb.causal import CausalEdge, CausalLearner, CausalPath, PathBy
from omega_agentdb.config import AgentDBConfig, CausalConfig, SkillConfig
from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex, open_index
from omega_agentdb.port import IdArray, SearchResult, VectorIndex
from omega_agentdb.reflexion import Recalled, Reflexion
from omega_agentdb.skill_search import FoundSkill
from omega_agentdb.skill_upkeep import Progress, UpkeepStep
from omega_agentdb.skills import LearnStep, SkillLearner
from omega_agentdb.snapshot import Snapshot, load_snapshot, save_snapshot
from omega_agentdb.stores import (
    CausalStore,
    EpisodeStore,
    SkillStore,
    TitleVectors,
    VectorRecords,
)
from omega_agentdb.table import RowType
from omega_agentdb.uplift import Uplift
from omega_agentdb.vector_store import FoundVector, VectorStore

__all__ = [
    "AgentDB",
    "AgentDBConfig",
    "AgentStats",
    "CausalConfig",
    "CausalEdge",
    "CausalLearner",
    "CausalPath",
    "CausalStore",
    "EpisodeStore",
    "ExactIndex",
    "FoundSkill",
    "FoundVector",
    "HnswIndex",
    "IdArray",
    "LearnStep",
    "PathBy",
    "Progress",
    "Recalled",
    "Reflexion",
    "RowType",
    "SearchResult",
    "SkillConfig",
    "SkillLearner",
    "SkillStore",
    "Snapshot",
    "Stores",
    "TitleVectors",
    "UpkeepStep",
    "Uplift",
    "VectorIndex",
    "VectorRecords",
    "VectorStore",
    "load_snapshot",
    "open_index",
    "save_snapshot",
]
