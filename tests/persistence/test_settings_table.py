"""Tuned settings: one in force at most, no lineage lost, damage that harms none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.tuning import (
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
    Watch,
)
from omega_persistence import Database, Settings

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
WORTH = Fitness(0.1, 0.7, 0.4, 0.8, 0.5)


def record(
    attempt: int,
    parent: int | None = None,
    state: SettingsState = SettingsState.IN_FORCE,
    genre: float = 2.0,
) -> TuningRecord:
    evidence = Evidence(
        attempt=attempt,
        tuned_until=NOW - timedelta(days=30),
        tested_until=NOW - timedelta(days=1),
        events=20,
        effect=0.04,
        p_value=0.01 if state is SettingsState.IN_FORCE else 0.4,
        alpha=0.03,
    )
    return TuningRecord(
        version=0,
        parent=parent,
        state=state,
        settings=TunedSettings(genre=genre, half_life=0.25, ef=200),
        fitness=WORTH,
        parent_fitness=replace(WORTH, capability=0.05),
        evidence=evidence,
        decided_at=NOW + timedelta(hours=attempt),
    )


def rejected(attempt: int, parent: int | None = None) -> TuningRecord:
    return record(attempt, parent, SettingsState.REJECTED)


@pytest.fixture
def settings(database: Database) -> Settings:
    return Settings(database)


def test_without_a_row_the_shipped_settings_are_in_force(settings: Settings) -> None:
    assert settings.in_force() is None
    assert settings.history() == []
    assert settings.attempts() == 0


def test_every_field_of_an_adopted_setting_survives_a_restart(
    database: Database, path: Path, clock: ManualClock
) -> None:
    version = Settings(database).adopt(record(1))
    database.close()
    with closing(Database.open(path, clock=clock)) as opened:
        assert Settings(opened).in_force() == replace(record(1), version=version)


def test_adopting_ends_the_parent_and_keeps_it(settings: Settings) -> None:
    first = settings.adopt(record(1))
    second = settings.adopt(record(2, first, genre=3.0))
    newest, oldest = settings.history()
    assert (newest.version, newest.parent, newest.state) == (
        second,
        first,
        SettingsState.IN_FORCE,
    )
    assert (oldest.state, oldest.ended_at) == (
        SettingsState.SUPERSEDED,
        NOW + timedelta(hours=2),
    )


def test_a_rejected_setting_leaves_the_one_in_force_alone(settings: Settings) -> None:
    first = settings.adopt(record(1))
    settings.reject(rejected(2, first))
    held = settings.in_force()
    assert held is not None
    assert held.version == first
    assert [r.state for r in settings.history()] == [
        SettingsState.REJECTED,
        SettingsState.IN_FORCE,
    ]
    assert settings.attempts() == 2


def test_an_attempt_that_is_repeated_after_a_crash_is_stored_once(settings: Settings) -> None:
    first = settings.adopt(record(1))
    assert settings.adopt(record(1)) == first
    second = settings.reject(rejected(2, first))
    assert settings.reject(rejected(2, first)) == second
    assert len(settings.history()) == 2


def test_a_setting_that_did_not_win_is_never_adopted(settings: Settings) -> None:
    lost = record(1)
    lost = replace(lost, evidence=replace(lost.evidence, p_value=0.031))
    with pytest.raises(OmegaError) as refused:
        settings.adopt(lost)
    assert refused.value.field == "record.evidence"
    assert settings.in_force() is None


def test_a_setting_tested_against_another_than_the_one_in_force_is_refused(
    settings: Settings,
) -> None:
    settings.adopt(record(1))
    for write, given in ((settings.adopt, record(2)), (settings.reject, rejected(2))):
        with pytest.raises(OmegaError) as refused:
            write(given)
        assert refused.value.field == "record.parent"


def test_a_record_is_adopted_or_rejected_as_its_state_says(settings: Settings) -> None:
    with pytest.raises(OmegaError):
        settings.adopt(rejected(1))
    with pytest.raises(OmegaError):
        settings.reject(record(1))
    with pytest.raises(OmegaError) as refused:
        settings.adopt(replace(record(1), decided_at=None))
    assert refused.value.field == "record.decided_at"


def test_rolling_back_puts_the_parent_in_force_again(settings: Settings) -> None:
    first = settings.adopt(record(1))
    second = settings.adopt(record(2, first))
    watch = Watch(events=30, log_evidence=3.2, peak=3.2, effect=-0.1, spread=0.5, seq=99)
    now = NOW + timedelta(days=9)
    held = settings.roll_back(second, watch, now)
    assert held is not None
    assert (held.version, held.state, held.ended_at) == (first, SettingsState.IN_FORCE, None)
    lost = settings.history()[0]
    assert (lost.state, lost.watch, lost.ended_at) == (SettingsState.ROLLED_BACK, watch, now)
    assert settings.roll_back(second, watch, now) == held


def test_rolling_back_the_first_setting_returns_to_the_shipped_ones(settings: Settings) -> None:
    first = settings.adopt(record(1))
    assert settings.roll_back(first, Watch(), NOW) is None
    assert settings.in_force() is None


def test_a_chain_of_roll_backs_ends_at_the_shipped_settings(settings: Settings) -> None:
    first = settings.adopt(record(1))
    second = settings.adopt(record(2, first))
    assert settings.roll_back(second, Watch(), NOW) is not None
    third = settings.adopt(record(3, first))
    held = settings.roll_back(third, Watch(), NOW)
    assert held is not None
    assert held.version == first
    assert settings.roll_back(first, Watch(), NOW) is None


def test_how_a_setting_does_is_kept_while_it_is_in_force(settings: Settings) -> None:
    first = settings.adopt(record(1))
    watch = Watch(events=3, log_evidence=-0.5, peak=0.1, effect=0.02, spread=0.01, seq=7)
    settings.note_watch(first, watch)
    held = settings.in_force()
    assert held is not None
    assert held.watch == watch
    settings.roll_back(first, watch, NOW)
    settings.note_watch(first, Watch())
    assert settings.history()[0].watch == watch


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("parameters", "{"),
        ("parameters", '{"genre": 1000}'),
        ("parameters", '{"genre": NaN}'),
        ("parameters", '{"unheard_of": 1}'),
        ("evidence", "[]"),
        ("fitness", "{}"),
        ("watch", "null"),
    ],
)
def test_a_damaged_row_in_force_falls_back_to_the_shipped_settings_and_says_so(
    database: Database, settings: Settings, column: str, value: str
) -> None:
    version = settings.adopt(record(1))
    with database.transaction() as connection:
        connection.execute(f"UPDATE settings SET {column} = ?", (value,))  # noqa: S608 - a constant
    assert settings.in_force() is None
    assert settings.in_force() is None
    (note,) = settings.notes
    assert note.startswith(f"setting {version} cannot be read")


def test_text_that_is_not_utf8_is_a_damaged_row_and_no_failure(
    database: Database, settings: Settings
) -> None:
    settings.adopt(record(1))
    with database.transaction() as connection:
        connection.execute("UPDATE settings SET parameters = CAST(x'fffe' AS TEXT)")
    assert settings.in_force() is None


def test_tuning_goes_on_after_a_damaged_row(database: Database, settings: Settings) -> None:
    settings.adopt(record(1))
    with database.transaction() as connection:
        connection.execute("UPDATE settings SET parameters = '{'")
    second = settings.adopt(record(2))
    held = settings.in_force()
    assert held is not None
    assert held.version == second
    assert [r.version for r in settings.history()] == [second]


def test_two_settings_are_never_in_force(database: Database, settings: Settings) -> None:
    first = settings.adopt(record(1))
    settings.reject(rejected(2, first))
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("UPDATE settings SET state = 'in_force'")
