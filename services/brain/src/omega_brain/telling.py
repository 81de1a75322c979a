"""Tables that tell of what is learnt: each change once it is stored, whoever makes it."""

from __future__ import annotations

from collections.abc import Sequence

from omega_core.taste import SkillChanges
from omega_core.tuning import SettingsState, TuningRecord
from omega_core.vector_records import VectorRecord
from omega_persistence import Database
from omega_persistence.skills import Skills
from omega_persistence.vectors import Vectors
from omega_runtime.event_types import (
    AgentCreated,
    AgentDestroyed,
    AgentsPruned,
    ArchitectureCreated,
    ArchitectureEvolved,
    ArchitectureMutated,
    IntelligenceCreated,
    IntelligenceEvolved,
)
from omega_runtime.events import Publish


class ToldSkills(Skills):
    """The tables of taste patterns; tells which were found and which changed."""

    def __init__(self, database: Database, publish: Publish) -> None:
        super().__init__(database)
        self._publish = publish

    def save(self, changes: SkillChanges) -> None:
        """As Skills.save."""
        newest = self.last_skill_id()
        super().save(changes)
        for skill in changes.skills:
            name = str(skill.skill_id)
            if skill.skill_id > newest:
                self._publish(IntelligenceCreated(name))
            else:
                self._publish(IntelligenceEvolved(name, skill.success_rate))


class ToldVectors:
    """The table of programs' vectors; tells which came and which went."""

    def __init__(self, vectors: Vectors, publish: Publish) -> None:
        self._vectors = vectors
        self._publish = publish

    def all(self) -> list[VectorRecord]:
        """As Vectors.all."""
        return self._vectors.all()

    def save(self, record: VectorRecord, removed: Sequence[str] = ()) -> None:
        """As Vectors.save."""
        self._vectors.save(record, removed)
        self._publish(AgentCreated(record.vector_id))
        self._tell_gone(removed)

    def remove(self, vector_ids: Sequence[str]) -> int:
        """As Vectors.remove."""
        gone = self._vectors.remove(vector_ids)
        self._tell_gone(vector_ids)
        return gone

    def clear(self) -> int:
        """As Vectors.clear."""
        gone = self._vectors.clear()
        if gone:
            self._publish(AgentsPruned(removed=gone, kept=0))
        return gone

    def _tell_gone(self, vector_ids: Sequence[str]) -> None:
        for each in vector_ids:
            self._publish(AgentDestroyed(each))


def tell_tried(record: TuningRecord, version: int, publish: Publish) -> None:
    """Tells of settings that were tested against those in force, and whether they took over.

    Args:
        record: the settings with their test.
        version: what they are stored as.
        publish: is told.
    """
    name, parent = str(version), str(record.parent or 0)
    publish(ArchitectureMutated(name, parent))
    if record.state is not SettingsState.IN_FORCE:
        return
    if record.parent is None:
        publish(ArchitectureCreated(name))
    else:
        publish(ArchitectureEvolved(name, parent, record.evidence.effect))
