"""How far the periodic loops have come, and what they said of late.

Answers `omega_loops.port.DueTimes` in form: neither library imports the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from omega_core import validate
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

KEPT = 1_000
"""Newest reports that are kept, over all loops."""
_COLUMNS = (
    "name, cycle, due_at, started_at, outcome, changes, coalesced, runs, over_budget, yields, "
    "failures, seconds, lateness, error"
)


class Report(Protocol):
    """What is kept of an `omega_loops.report.Report`; meanings stand there."""

    @property
    def cycle(self) -> int: ...  # noqa: D102 - see above
    @property
    def due_at(self) -> datetime: ...  # noqa: D102 - see above
    @property
    def started_at(self) -> datetime: ...  # noqa: D102 - see above
    @property
    def outcome(self) -> str: ...  # noqa: D102 - see above
    @property
    def changes(self) -> Mapping[str, int]: ...  # noqa: D102 - see above
    @property
    def coalesced(self) -> int: ...  # noqa: D102 - see above
    @property
    def runs(self) -> int: ...  # noqa: D102 - see above
    @property
    def over_budget(self) -> int: ...  # noqa: D102 - see above
    @property
    def yields(self) -> int: ...  # noqa: D102 - see above
    @property
    def failures(self) -> int: ...  # noqa: D102 - see above
    @property
    def seconds(self) -> float: ...  # noqa: D102 - see above
    @property
    def lateness(self) -> float: ...  # noqa: D102 - see above
    @property
    def error(self) -> str: ...  # noqa: D102 - see above


@dataclass(frozen=True)
class LoopState:
    """How far a periodic loop has come; the fields of `omega_loops.port.Completed`."""

    at: datetime
    """Due instant of the last completed cycle, in UTC."""
    cycle: int
    """Its number, from 1; 0 when none has run yet."""


@dataclass(frozen=True)
class StoredReport:
    """A report as it was stored, and a `Report` itself."""

    name: str
    """The loop."""
    cycle: int
    """Number of the cycle; 0 where the loop's first period began."""
    due_at: datetime
    """The instant of the schedule, in UTC."""
    started_at: datetime
    """When its first run began, in UTC."""
    outcome: str
    """How the last run ended."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """What was changed -> how often."""
    coalesced: int = 0
    """Missed cycles that it answers too."""
    runs: int = 0
    """Runs."""
    over_budget: int = 0
    """Those that took too long."""
    yields: int = 0
    """Those that let something more urgent go first."""
    failures: int = 0
    """Those that failed."""
    seconds: float = 0.0
    """Time worked."""
    lateness: float = 0.0
    """Seconds from due_at to started_at."""
    error: str = ""
    """Type of the last error."""


class LoopStates:
    """The tables of loops and of their reports. All may raise STORAGE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Mapping[str, LoopState]:
        """What was last given to complete(), by loop name."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT name, completed_at, cycle FROM loops").fetchall()
        return {name: LoopState(from_micros(at), cycle) for name, at, cycle in rows}

    def complete(self, name: str, at: datetime, report: Report) -> None:
        """Keeps the loop's state and the report in one transaction, durable on return.

        Args:
            name: the loop, 1 to 64 characters of [A-Za-z0-9._:-].
            at: due instant, aware.
            report: its cycle becomes the state's.

        Raises:
            OmegaError: INVALID_FIELD (name), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.identifier("name", name, 64)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO loops VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "completed_at = excluded.completed_at, cycle = excluded.cycle",
                (name, to_micros(at), report.cycle),
            )
            values = _values(name, report)
            places = ", ".join("?" * len(values))
            connection.execute(
                f"INSERT INTO loop_reports ({_COLUMNS}) VALUES ({places})",  # noqa: S608 - constants
                values,
            )
            connection.execute(
                "DELETE FROM loop_reports WHERE seq <= "
                "(SELECT seq FROM loop_reports ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (KEPT,),
            )

    def history(self, name: str, limit: int) -> list[StoredReport]:
        """The last reports of a loop, newest first.

        Args:
            name: the loop; one never completed has none.
            limit: most reports, 1 to 1,000.

        Raises:
            OmegaError: INVALID_FIELD (limit), STORAGE_UNAVAILABLE.
        """
        validate.integer("limit", limit, 1, KEPT)
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM loop_reports WHERE name = ? ORDER BY seq DESC LIMIT ?",  # noqa: S608 - constants
                (name, limit),
            ).fetchall()
        return [_report(row) for row in rows]


def _values(name: str, report: Report) -> tuple[object, ...]:
    return (
        name,
        report.cycle,
        to_micros(report.due_at),
        to_micros(report.started_at),
        str(report.outcome),
        json.dumps(dict(report.changes)),
        report.coalesced,
        report.runs,
        report.over_budget,
        report.yields,
        report.failures,
        report.seconds,
        report.lateness,
        report.error,
    )


def _report(row: tuple[Any, ...]) -> StoredReport:
    name, cycle, due_at, started_at, outcome, changes, *figures = row
    return StoredReport(
        name,
        cycle,
        from_micros(due_at),
        from_micros(started_at),
        outcome,
        MappingProxyType(json.loads(changes)),
        *figures,
    )
