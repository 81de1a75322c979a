"""Habits are kept with the watermark that they hold for, and go with their profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_persistence import Database
from omega_persistence.habits import HabitBodies
from omega_persistence.profiles import Profiles


def test_bodies_and_watermark_are_kept_together(path: Path, clock: ManualClock) -> None:
    database = Database.open(path, clock=clock)
    habits = HabitBodies(database)
    assert (habits.learnt_seq(), habits.get(""), habits.profiles()) == (0, None, [])
    habits.save({"": '{"n":1}', "kid": '{"n":2}'}, 7)
    with pytest.raises(OmegaError) as caught:
        habits.save({"": '{"n":9}'}, 7)
    assert caught.value.code == ErrorCode.INTERNAL
    habits.save({"": '{"n":3}'}, 9)
    database.close()
    database = Database.open(path, clock=clock)
    habits = HabitBodies(database)
    assert habits.learnt_seq() == 9
    assert {each: habits.get(each) for each in habits.profiles()} == {
        "": '{"n":3}',
        "kid": '{"n":2}',
    }
    database.close()


def test_a_profiles_habits_go_with_it(path: Path, clock: ManualClock) -> None:
    database = Database.open(path, clock=clock)
    Profiles(database).put(Profile("kid", "Kim"))
    HabitBodies(database).save({"": "{}", "kid": "{}"}, 1)
    Profiles(database).delete("kid")
    assert HabitBodies(database).profiles() == [], "the household's are counted anew without it"
    database.close()
