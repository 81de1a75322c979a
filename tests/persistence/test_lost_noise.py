"""Noise of what has left is never drawn again under one identity, whatever became of the files."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_persistence import (
    Contents,
    Database,
    Erasures,
    Identity,
    Meta,
    Sketches,
    StoredContent,
    erase_household,
    pushed,
    restore,
)

MakeTitle = Callable[..., StoredContent]
ME = Identity("tv-" + "a" * 32, "my-secret-token")
REQUEST = "3f2c1de4-0000-4000-8000-00000000000a"


def queue(database: Database, clock: ManualClock, *rowids: int) -> None:
    for rowid in rowids:
        Sketches(database).store(
            rowid,
            np.random.default_rng(rowid).normal(size=384).astype(np.float32),
            bytes([rowid]) * 48,
            7,
            sigma_hundredths=500,
            model_version="m1",
            now=clock.now(),
            release_at=clock.now(),
        )


def push(database: Database) -> None:
    """What a brain does around a push that arrives."""
    made = Sketches(database).next_push(20, model_version="m1")
    assert made is not None
    database.backup()
    pushed.tell(database, ME)
    Sketches(database).acknowledge(made.request_id)


@pytest.fixture
def told(path: Path, clock: ManualClock, make_title: MakeTitle, tmp_path: Path) -> Path:
    """A closed database that pushed three times; a copy from after the second push."""
    database = Database.open(path, clock=clock)
    Contents(database).upsert([make_title(number) for number in range(10)])
    Meta(database).set_identity(ME)
    queue(database, clock, 1, 2)
    push(database)
    queue(database, clock, 3)
    push(database)
    copy = tmp_path / "old.db"
    database.backup()
    shutil.copyfile(database.backup_path, copy)
    queue(database, clock, 4)
    push(database)
    database.close()
    return copy


@contextmanager
def opened(path: Path, clock: ManualClock) -> Iterator[Database]:
    database = Database.open(path, clock=clock)
    try:
        yield database
    finally:
        database.close()


def require_laid_down(database: Database) -> None:
    assert pushed.NOTE in database.recovery_notes
    assert Meta(database).identity() is None
    assert [each.identity for each in Erasures(database).pending()] == [ME]
    assert all(Sketches(database).noise_for(rowid) is None for rowid in range(1, 5))
    assert not pushed.file_of(database.path).exists(), "its token is needed no more"


def require_kept(database: Database, rows: int = 4) -> None:
    assert pushed.NOTE not in database.recovery_notes
    assert Meta(database).identity() == ME
    assert Erasures(database).pending() == []
    assert Sketches(database).acknowledged_count() + Sketches(database).pending_count() == rows


def test_a_database_that_lost_nothing_goes_on(told: Path, path: Path, clock: ManualClock) -> None:
    assert told.exists()
    with opened(path, clock) as database:
        require_kept(database)
    beside = pushed.file_of(path)
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    assert pushed.read(beside) is not None
    assert "my-secret-token" not in repr(pushed.read(beside))


def test_an_old_database_that_is_put_back_by_hand_lays_its_identity_down(
    told: Path, path: Path, clock: ManualClock
) -> None:
    shutil.copyfile(told, path)
    with opened(path, clock) as database:
        require_laid_down(database)
    with opened(path, clock) as database:
        assert database.recovery_notes == [], "once is enough"
        assert len(Erasures(database).pending()) == 1


def test_so_does_one_that_is_restored(told: Path, path: Path, clock: ManualClock) -> None:
    restore(told, path, clock=clock)
    with opened(path, clock) as database:
        require_laid_down(database)


def test_the_backup_of_the_last_push_is_as_good_as_the_database(
    told: Path, path: Path, clock: ManualClock
) -> None:
    assert told.exists()
    restore(path.with_name(path.name + ".backup"), path, clock=clock)
    with opened(path, clock) as database:
        require_kept(database)


def test_a_damaged_database_comes_back_with_all_noise_that_left(
    told: Path, path: Path, clock: ManualClock
) -> None:
    assert told.exists()
    path.write_bytes(path.read_bytes()[:20_000])
    with opened(path, clock) as database:
        assert len(database.recovery_notes) == 2
        require_kept(database)


def test_a_database_that_starts_empty_has_the_fleet_forget_the_old_one(
    told: Path, path: Path, clock: ManualClock
) -> None:
    assert told.exists()
    path.write_bytes(b"damaged")
    path.with_name(path.name + ".backup").write_bytes(b"damaged too")
    with opened(path, clock) as database:
        require_laid_down(database)


def test_a_stale_backup_does_not_stand_in_for_the_noise(
    told: Path, path: Path, clock: ManualClock
) -> None:
    path.write_bytes(b"damaged")
    shutil.copyfile(told, path.with_name(path.name + ".backup"))
    with opened(path, clock) as database:
        require_laid_down(database)


def test_a_backup_of_another_machine_takes_no_identity_along(
    told: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """It may have gone on reporting; nothing here tells."""
    path = tmp_path / "new" / "omega.db"
    restore(told, path, clock=clock)
    with opened(path, clock) as database:
        assert Meta(database).identity() is None
        assert [each.identity for each in Erasures(database).pending()] == [ME]
        assert Sketches(database).noise_for(1) is None


def test_where_a_push_is_not_told_it_may_not_leave(
    told: Path, path: Path, clock: ManualClock
) -> None:
    """Killed between counting and telling: the next start knows more than the file, and goes on."""
    assert told.exists()
    with opened(path, clock) as database:
        queue(database, clock, 5)
        assert Sketches(database).next_push(20, model_version="m1") is not None
    with opened(path, clock) as database:
        require_kept(database, rows=5)


@pytest.mark.parametrize("wrong", [b"", b"0 {}", b"ffffffff {}", "00000000 é".encode()])
def test_a_file_that_cannot_be_read_says_nothing_and_is_written_anew(
    told: Path, path: Path, clock: ManualClock, wrong: bytes
) -> None:
    assert told.exists()
    beside = pushed.file_of(path)
    good = beside.read_bytes()
    beside.write_bytes(wrong)
    with opened(path, clock) as database:
        require_kept(database)
        pushed.tell(database, ME)
    assert beside.read_bytes() == good


def test_erasing_the_household_erases_the_file(told: Path, path: Path, clock: ManualClock) -> None:
    assert told.exists()
    with opened(path, clock) as database:
        erase_household(database, REQUEST)
        assert not pushed.file_of(path).exists()
        Erasures(database).done(ME.device_id)
    left = [file.name for file in path.parent.iterdir() if b"my-secret" in file.read_bytes()]
    assert left == []


def test_a_push_of_a_release_that_did_not_count_is_counted(
    path: Path, clock: ManualClock, make_title: MakeTitle
) -> None:
    with opened(path, clock) as database:
        Contents(database).upsert([make_title(number) for number in range(10)])
        queue(database, clock, 1)
        Sketches(database).next_push(20, model_version="m1")
        Meta(database).remove("noise_id")
        Meta(database).remove("pushes_made")
        pushed.tell(database, ME)
        told = pushed.read(pushed.file_of(path))
        with database.read() as connection:
            held = pushed.read_count(connection)
        assert told is not None
        assert (told.noise_id, told.pushes) == (held.noise_id, held.pushes) != ("", 0)
