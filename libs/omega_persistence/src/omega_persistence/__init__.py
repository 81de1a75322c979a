"""The one SQLite file of a TV: owner, migrations, backup, and a small repository a table.

    database = Database.open(path, clock=SystemClock())
    contents = Contents(database)
    with database.transaction():        # joins several repositories in one commit
        ...

Every repository method that writes opens a transaction of its own, or joins the one already open
in its thread. What a method returned from is durable (WAL, synchronous=FULL) once the outermost
transaction has ended without an error.
"""

from omega_persistence.capacity import Freed, enforce, storage_bytes
from omega_persistence.coded_state import CodedStates, StoredState
from omega_persistence.contents import ContentRow, Contents, StoredContent, UpsertCounts
from omega_persistence.database import Database
from omega_persistence.erasure import Erased, erase_household
from omega_persistence.erasures import Erasures, PendingErasure
from omega_persistence.events import Events, Recorded, RecordedEvent
from omega_persistence.interactions import Interactions
from omega_persistence.loops import LoopStates, StoredReport
from omega_persistence.memories import Memories
from omega_persistence.meta import Credentials, Identity, LastSync, Meta, Traffic
from omega_persistence.patterns import GlobalPatterns, StoredPattern
from omega_persistence.profiles import Profiles
from omega_persistence.recommendations import Recommendations, ServedList
from omega_persistence.relearning import Relearning
from omega_persistence.resources import ResourceKey, Resources, StoredResource
from omega_persistence.restoring import Restored, restore
from omega_persistence.settings import Settings
from omega_persistence.sketches import Push, Sketches
from omega_persistence.sync_facts import SyncFacts, Way
from omega_persistence.title_records import TitleRecords
from omega_persistence.title_vectors import TitleVectors
from omega_persistence.trends import HeldTrends, StoredTrend, Trends

__all__ = [
    "CodedStates",
    "ContentRow",
    "Contents",
    "Credentials",
    "Database",
    "Erased",
    "Erasures",
    "Events",
    "Freed",
    "GlobalPatterns",
    "HeldTrends",
    "Identity",
    "Interactions",
    "LastSync",
    "LoopStates",
    "Memories",
    "Meta",
    "PendingErasure",
    "Profiles",
    "Push",
    "Recommendations",
    "Recorded",
    "RecordedEvent",
    "Relearning",
    "ResourceKey",
    "Resources",
    "Restored",
    "ServedList",
    "Settings",
    "Sketches",
    "StoredContent",
    "StoredPattern",
    "StoredReport",
    "StoredResource",
    "StoredState",
    "StoredTrend",
    "SyncFacts",
    "TitleRecords",
    "TitleVectors",
    "Traffic",
    "Trends",
    "UpsertCounts",
    "Way",
    "enforce",
    "erase_household",
    "restore",
    "storage_bytes",
]
