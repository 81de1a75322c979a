"""The tables of the brain's one database, opened together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from omega_core.clock import Clock
from omega_core.errors import OmegaError
from omega_persistence.coded_state import CodedStates
from omega_persistence.contents import Contents
from omega_persistence.database import Database
from omega_persistence.erasures import Erasures
from omega_persistence.events import Events
from omega_persistence.habits import HabitBodies
from omega_persistence.interactions import Interactions
from omega_persistence.loops import LoopStates
from omega_persistence.memories import Memories
from omega_persistence.meta import Meta
from omega_persistence.pair_means import PairMeans
from omega_persistence.pair_reports import PairReports
from omega_persistence.patterns import GlobalPatterns
from omega_persistence.profiles import Profiles
from omega_persistence.recommendations import Recommendations
from omega_persistence.relearning import Relearning
from omega_persistence.reports import Reports
from omega_persistence.resources import Resources
from omega_persistence.settings import Settings
from omega_persistence.sketches import Sketches
from omega_persistence.sync_facts import SyncFacts
from omega_persistence.title_records import TitleRecords
from omega_persistence.title_vectors import TitleVectors
from omega_persistence.trends import Trends

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stores:
    """What the brain keeps for good."""

    database: Database
    """The file itself."""
    contents: Contents
    """Titles and vectors."""
    events: Events
    """Viewings."""
    interactions: Interactions
    """Moments of viewings under way."""
    title_records: TitleRecords
    """What remains of older viewings."""
    profiles: Profiles
    """The people of the household."""
    recommendations: Recommendations
    """Served lists."""
    sketches: Sketches
    """What waits for the next push."""
    patterns: GlobalPatterns
    """The collective state."""
    coded: CodedStates
    """The same as it was coded."""
    title_vectors: TitleVectors
    """Vectors of titles that came before their texts."""
    trends: Trends
    """What the fleet says is on the rise."""
    resources: Resources
    """Downloaded bodies."""
    meta: Meta
    """Single facts."""
    sync: SyncFacts
    """Switches and facts of the sync."""
    erasures: Erasures
    """Old identities that the fleet is still to forget."""
    memories: Memories
    """Tiers without a table of their own."""
    settings: Settings
    """Tuned settings and their lineage."""
    habits: HabitBodies
    """What each profile watches when."""
    relearning: Relearning
    """What the household learns again after an erasure."""
    loops: LoopStates
    """How far the periodic loops have come."""
    reports: Reports
    """What the fleet is told of how a new version fares."""
    pair_reports: PairReports
    """Which pairs of titles were told, and what waits to be."""
    pair_means: PairMeans
    """What such reports are made with."""

    @classmethod
    def open(cls, storage_path: Path, clock: Clock) -> Self:
        """Opens `brain.db` in a directory that this process then owns.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        database = Database.open(storage_path / "brain.db", clock=clock)
        return cls(
            database,
            Contents(database),
            Events(database),
            Interactions(database),
            TitleRecords(database),
            Profiles(database),
            Recommendations(database),
            Sketches(database),
            GlobalPatterns(database),
            CodedStates(database),
            TitleVectors(database),
            Trends(database),
            Resources(database),
            Meta(database),
            SyncFacts(database),
            Erasures(database),
            Memories(database),
            Settings(database),
            HabitBodies(database),
            Relearning(database),
            LoopStates(database),
            Reports(database),
            PairReports(database),
            PairMeans(database),
        )

    def close(self) -> None:
        """Writes what waits, backs up and gives the database up, on a full disk too."""
        try:
            self.recommendations.flush()
            self.memories.flush()
            self.database.backup()
        except OmegaError as error:
            # All that was acknowledged is durable. The directory must not stay owned.
            _log.warning("the last backup was not made: %s", error)
        finally:
            self.database.close()
