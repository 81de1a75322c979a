"""What proofs hold to each other: a TV's own rows and a shard's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from omega_core.clock import SystemClock
from omega_persistence import Database
from omega_testing import household_rows


def test_a_brain_that_has_reported_nothing_counts_nothing(tmp_path: Path) -> None:
    with closing(Database.open(tmp_path / "brain.db", clock=SystemClock())):
        assert household_rows.acknowledged(tmp_path) == set()


def test_only_what_is_acknowledged_counts(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "brain.db")) as database:
        database.execute("CREATE TABLE sketches (sketch BLOB, state INTEGER)")
        rows = [(bytes([state]) * 48, state) for state in range(3)]
        database.executemany("INSERT INTO sketches VALUES (?, ?)", rows)
        database.commit()
    assert household_rows.acknowledged(tmp_path) == {bytes([2]) * 48}


def test_each_sketch_of_a_push_is_counted() -> None:
    one, two = b"1" * 48, b"2" * 48
    found = household_rows.stored([one + two, b"", two])
    assert (found[one], found[two], found[b"3" * 48]) == (1, 2, 0)
