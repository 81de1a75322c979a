"""Vector index of the TV: hnswlib behind a port, an exact twin, and snapshots.

The index is a cache of SQLite: ids are content rowids, and a snapshot that is missing, damaged or
of another recipe is rebuilt from the table.
"""

from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex, open_index
from omega_agentdb.port import IdArray, SearchResult, VectorIndex
from omega_agentdb.snapshot import Snapshot, load_snapshot, save_snapshot
from omega_agentdb.table import RowType

__all__ = [
    "ExactIndex",
    "HnswIndex",
    "IdArray",
    "RowType",
    "SearchResult",
    "Snapshot",
    "VectorIndex",
    "load_snapshot",
    "open_index",
    "save_snapshot",
]
