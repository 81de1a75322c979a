"""What was folded or erased on purpose is not taken for a loss, and damage in new rows is found."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_persistence import Database, Events, Profiles, Recommendations, TitleRecords

MakeEvent = Callable[..., ViewingEvent]


@pytest.fixture
def household(
    database: Database, clock: ManualClock, make_event: MakeEvent, contents: object
) -> Database:
    """Ten viewings, half of them the kid's, and a served list; all of it in the backup."""
    assert contents
    Profiles(database).put(Profile("kid", "Kid", 12, ("Horror",)))
    Events(database).record_all(
        [make_event(number, profile_id=("", "kid")[number % 2]) for number in range(10)]
    )
    served = Recommendations(database)
    served.log_recommendation("r1", clock.now(), ["c1"], ["c2"], "kid")
    served.flush()
    database.backup()
    return database


@pytest.mark.parametrize("erased", [False, True], ids=["folded", "erased"])
def test_a_backup_from_before_is_not_ahead_of_what_was_folded_or_erased(
    household: Database, path: Path, clock: ManualClock, tmp_path: Path, erased: bool
) -> None:
    if erased:
        assert Profiles(household).delete("kid") == 5
    else:
        assert TitleRecords(household).capacity(2, 100) == 8
    household.close()
    running = Database.open(path, clock=clock)
    cut = tmp_path / "cut"
    shutil.copytree(path.parent, cut)
    running.close()
    (cut / "omega.db-wal").unlink()

    again = Database.open(cut / path.name, clock=clock)
    assert "write-ahead log is gone" in again.recovery_notes[0]
    kept, folded = Events(again).count(), TitleRecords(again).viewings()
    assert (kept, folded) == ((5, 0) if erased else (2, 8))
    again.close()


def test_a_restored_backup_says_how_many_viewings_it_holds(
    household: Database, path: Path, clock: ManualClock
) -> None:
    TitleRecords(household).capacity(2, 100)
    household.backup()
    household.close()
    path.write_bytes(b"damaged")
    again = Database.open(path, clock=clock)
    assert "with 10 viewing events" in again.recovery_notes[1]
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE profiles SET blocked_genres = '['",
        "UPDATE profiles SET name = CAST(x'41ff42' AS TEXT)",
        "UPDATE recommendations SET chain = '['",
        "UPDATE recommendations SET profile_id = CAST(x'41ff42' AS TEXT)",
        "UPDATE contents SET minimum_age = 99",
    ],
)
def test_a_row_that_was_never_written_is_found_at_the_start(
    household: Database, path: Path, clock: ManualClock, damage: str
) -> None:
    household.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(damage)
    again = Database.open(path, clock=clock)
    assert len(again.recovery_notes) == 2
    assert Profiles(again).get("kid") == Profile("kid", "Kid", 12, ("Horror",))
    again.close()
