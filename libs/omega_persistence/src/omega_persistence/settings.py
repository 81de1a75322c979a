"""Tuned settings with their lineage: one row at most is in force; none means the shipped ones."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import asdict
from datetime import datetime
from typing import Any

from omega_core import validate
from omega_core.errors import OmegaError, invalid
from omega_core.tuning import Evidence, SettingsState, TuningRecord, Watch
from omega_persistence.database import Database
from omega_persistence.setting_rows import COLUMNS, decode, evidence_json, fitness_json
from omega_persistence.times import to_micros

_log = logging.getLogger(__name__)

_INSERT = """
INSERT INTO settings (parent, state, attempt, parameters, fitness, evidence, watch, decided_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class Settings:
    """The table of settings.

    Every method may raise STORAGE_UNAVAILABLE, those that write STORAGE_FULL too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: set[int] = set()
        self.notes: list[str] = []
        """Rows that cannot be read, a sentence each; the shipped settings stand in for them."""

    def in_force(self) -> TuningRecord | None:
        """The setting in force; None = the shipped ones.

        A row that is damaged or breaks a bound counts as none, and `notes` and the log say so.
        """
        rows = self._rows("WHERE state = 'in_force'")
        return self._decoded(rows[0]) if rows else None

    def history(self, limit: int = 1_000) -> list[TuningRecord]:
        """The newest settings, newest first; rows that cannot be read are passed over."""
        validate.integer("limit", limit, 1, 1_000_000)
        rows = self._rows(f"ORDER BY version DESC LIMIT {limit:d}")
        decoded = (self._decoded(row) for row in rows)
        return [record for record in decoded if record is not None]

    def attempts(self) -> int:
        """Tests made so far, whatever their outcome."""
        with self._database.read() as connection:
            return int(
                connection.execute("SELECT coalesce(max(attempt), 0) FROM settings").fetchone()[0]
            )

    def adopt(self, record: TuningRecord) -> int:
        """Puts a setting in force in place of its parent; durable on return.

        Args:
            record: state in_force, decided_at set; its version is not read, and its parent must be
                the setting in force.

        Returns:
            Its version. An attempt that is stored already changes nothing and gives its version.

        Raises:
            OmegaError: INVALID_FIELD (record.state, record.evidence: it does not win,
                record.parent, record.decided_at).
        """
        if record.state is not SettingsState.IN_FORCE:
            raise invalid("record.state", "in_force")
        if not record.evidence.wins:
            raise invalid("record.evidence", "that of a setting that wins")
        with self._database.transaction() as connection:
            known = _version_of(connection, record.evidence)
            if known is not None:
                return known
            self._require_parent(record)
            connection.execute(
                "UPDATE settings SET state = 'superseded', ended_at = ? WHERE state = 'in_force'",
                (to_micros(_decided(record)),),
            )
            return _insert(connection, record)

    def reject(self, record: TuningRecord) -> int:
        """Keeps a setting that did not win; durable on return. Otherwise as `adopt`.

        Raises:
            OmegaError: INVALID_FIELD (record.state, record.parent, record.decided_at).
        """
        if record.state is not SettingsState.REJECTED:
            raise invalid("record.state", "rejected")
        with self._database.transaction() as connection:
            known = _version_of(connection, record.evidence)
            if known is not None:
                return known
            self._require_parent(record)
            return _insert(connection, record)

    def note_watch(self, version: int, watch: Watch) -> None:
        """Keeps how the setting in force does; nothing happens when another one is in force."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE settings SET watch = ? WHERE version = ? AND state = 'in_force'",
                (json.dumps(asdict(watch)), version),
            )

    def roll_back(self, version: int, watch: Watch, now: datetime) -> TuningRecord | None:
        """Ends a setting that lost and puts its parent in force again; durable on return.

        Repeating it changes nothing. A parent that was itself rolled back is passed over for its
        own parent.

        Returns:
            The setting in force now; None = the shipped ones.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT parent FROM settings WHERE version = ? AND state = 'in_force'", (version,)
            ).fetchone()
            if row is not None:
                connection.execute(
                    "UPDATE settings SET state = 'rolled_back', watch = ?, ended_at = ? "
                    "WHERE version = ?",
                    (json.dumps(asdict(watch)), to_micros(now), version),
                )
                _restore(connection, row[0])
        return self.in_force()

    def _require_parent(self, record: TuningRecord) -> None:
        held = self.in_force()
        if record.parent != (held.version if held else None):
            raise invalid("record.parent", "the setting in force")

    def _rows(self, clause: str) -> list[tuple[Any, ...]]:
        with self._database.read() as connection:
            # Constants and a checked integer, never a value from outside.
            query = f"SELECT {COLUMNS} FROM settings {clause}"  # noqa: S608 - see above
            return list(connection.execute(query).fetchall())

    def _decoded(self, row: tuple[Any, ...]) -> TuningRecord | None:
        try:
            return decode(row)
        except (OmegaError, TypeError, ValueError, KeyError, OverflowError) as error:
            version = int(row[0])
            if version not in self._noted:
                self._noted.add(version)
                note = f"setting {version} cannot be read; the shipped settings stand in: {error}"
                self.notes.append(note)
                _log.warning("%s", note)
            return None


def _decided(record: TuningRecord) -> datetime:
    if record.decided_at is None:
        raise invalid("record.decided_at", "set")
    return record.decided_at


def _version_of(connection: sqlite3.Connection, evidence: Evidence) -> int | None:
    row = connection.execute(
        "SELECT version FROM settings WHERE attempt = ?", (evidence.attempt,)
    ).fetchone()
    return None if row is None else int(row[0])


def _insert(connection: sqlite3.Connection, record: TuningRecord) -> int:
    cursor = connection.execute(
        _INSERT,
        (
            record.parent,
            record.state.value,
            record.evidence.attempt,
            json.dumps(asdict(record.settings)),
            fitness_json(record),
            evidence_json(record.evidence),
            json.dumps(asdict(record.watch)),
            to_micros(_decided(record)),
        ),
    )
    if cursor.lastrowid is None:
        raise invalid("record", "stored")
    return cursor.lastrowid


def _restore(connection: sqlite3.Connection, version: int | None) -> None:
    """Puts the nearest ancestor that was superseded in force again."""
    while version is not None:
        state, parent = connection.execute(
            "SELECT state, parent FROM settings WHERE version = ?", (version,)
        ).fetchone()
        if state == SettingsState.SUPERSEDED:
            connection.execute(
                "UPDATE settings SET state = 'in_force', ended_at = NULL WHERE version = ?",
                (version,),
            )
            return
        version = parent
