"""Served lists wait in memory and ride along with the next write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from omega_core.clock import ManualClock
from omega_core.profile import Profile
from omega_persistence import Database, Meta, Profiles, Recommendations, ServedList
from omega_persistence.recommendations import KEPT


def stored(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute("SELECT count(*) FROM recommendations").fetchone()[0])


def test_a_list_is_known_at_once_and_written_with_the_next_transaction(
    database: Database, path: Path, clock: ManualClock
) -> None:
    served = Recommendations(database)
    Profiles(database).put(Profile("kid", "Kid"))
    served.log_recommendation("r1", clock.now(), ["c1", "c2"], ["c7", "c3"], "kid")
    expected = ServedList("r1", clock.now(), ("c1", "c2"), ("c7", "c3"), "kid")
    assert (served.get("r1"), stored(database)) == (expected, 0)
    Meta(database).set("key", "value")
    assert (served.get("r1"), stored(database)) == (expected, 1)
    database.close()
    again = Database.open(path, clock=clock)
    assert Recommendations(again).get("r1") == expected
    assert Recommendations(again).get("r2") is None
    again.close()


def test_the_newest_lists_are_kept(database: Database, clock: ManualClock) -> None:
    served = Recommendations(database)
    for number in range(KEPT + 500):
        served.log_recommendation(f"r{number}", clock.now() + timedelta(seconds=number), ["c1"])
        if number % 400 == 0:
            served.flush()
    served.flush()
    assert stored(database) == KEPT
    assert served.get("r499") is None
    assert served.get("r500") is not None
    assert served.get(f"r{KEPT + 499}") is not None


def test_memory_is_bounded_when_nothing_is_ever_written(
    database: Database, clock: ManualClock
) -> None:
    served = Recommendations(database)
    for number in range(KEPT + 10):
        served.log_recommendation(f"r{number}", clock.now(), [])
    assert served.get("r9") is None
    assert served.get("r10") is not None


def test_a_title_has_a_place_in_the_list_that_showed_it(
    database: Database, clock: ManualClock
) -> None:
    served = Recommendations(database)
    served.log_recommendation("r1", clock.now(), ["c5", "c2"], chain=["c9"])
    for _ in ("waiting", "written"):
        places = [served.place_of("r1", title) for title in ("c5", "c2", "c9", "c1")]
        assert places == [1, 2, 0, 0]
        assert served.place_of("r2", "c5") == 0
        served.flush()


def test_a_list_of_an_unknown_profile_is_not_written(
    database: Database, clock: ManualClock
) -> None:
    served = Recommendations(database)
    served.log_recommendation("r1", clock.now(), ["c5"], profile_id="gone")
    served.log_recommendation("r2", clock.now(), ["c5"])
    served.flush()
    assert served.get("r1") is None
    assert served.get("r2") is not None
