"""A tuned setting as a row of the table settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from omega_core.tuning import (
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
    Watch,
)
from omega_persistence.times import from_micros

COLUMNS = (
    "version, parent, state, CAST(parameters AS BLOB), CAST(fitness AS BLOB), "
    "CAST(evidence AS BLOB), CAST(watch AS BLOB), decided_at, ended_at"
)
"""Reads what decode takes; as bytes, so that a damaged text is this module's to refuse."""


def fitness_json(record: TuningRecord) -> str:
    """Both fitnesses of a record."""
    return json.dumps({"own": asdict(record.fitness), "parent": asdict(record.parent_fitness)})


def evidence_json(evidence: Evidence) -> str:
    """The test that decided."""
    fields = asdict(evidence)
    for name in ("tuned_until", "tested_until"):
        fields[name] = fields[name].isoformat()
    return json.dumps(fields)


def decode(row: tuple[Any, ...]) -> TuningRecord:
    """A row of COLUMNS, held to its bounds.

    Raises:
        OmegaError, TypeError, ValueError, KeyError, OverflowError: the row is damaged.
    """
    version, parent, state, parameters, fitness, evidence, watch, decided_at, ended_at = row
    worth = json.loads(fitness)
    test = json.loads(evidence)
    for name in ("tuned_until", "tested_until"):
        test[name] = datetime.fromisoformat(test[name])
    return TuningRecord(
        version=version,
        parent=parent,
        state=SettingsState(state),
        settings=TunedSettings(**json.loads(parameters)),
        fitness=Fitness(**worth["own"]),
        parent_fitness=Fitness(**worth["parent"]),
        evidence=Evidence(**test),
        watch=Watch(**json.loads(watch)),
        decided_at=from_micros(decided_at),
        ended_at=None if ended_at is None else from_micros(ended_at),
    )
