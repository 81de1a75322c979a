"""One process owns a database, and says so to every other."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import Contents, Database, Events


def test_a_second_opener_is_told_that_another_process_owns_it(
    database: Database, path: Path, clock: ManualClock
) -> None:
    with pytest.raises(OmegaError, match="another process owns") as refused:
        Database.open(path, clock=clock)
    assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert Events(database).count() == 0


def test_ownership_ends_with_close(database: Database, path: Path, clock: ManualClock) -> None:
    database.close()
    database.close()
    Database.open(path, clock=clock).close()


def test_an_orderly_stop_needs_no_repair_and_keeps_the_lineage(
    database: Database, path: Path, clock: ManualClock
) -> None:
    lineage = database.lineage
    database.close()
    again = Database.open(path, clock=clock)
    assert (again.recovery_notes, again.lineage) == ([], lineage)
    again.close()


def test_a_closed_database_answers_unavailable(database: Database) -> None:
    contents = Contents(database)
    database.close()
    for call in (contents.count, database.backup, lambda: contents.upsert([])):
        with pytest.raises(OmegaError, match="closed") as refused:
            call()
        assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_only_the_owner_can_read_the_files(database: Database, path: Path) -> None:
    database.backup()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {file.name for file in files} >= {"omega.db", "omega.db-wal", "omega.db.backup"}


def test_an_open_file_that_others_could_read_is_closed_to_them(
    database: Database, path: Path, clock: ManualClock
) -> None:
    database.close()
    path.chmod(0o644)
    Database.open(path, clock=clock).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OmegaError) as refused:
        Database.open(tmp_path / "file" / "omega.db", clock=clock)
    assert refused.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_the_log_is_forced_to_the_disk_at_every_commit(database: Database) -> None:
    with database.read() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]
