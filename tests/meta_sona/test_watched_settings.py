"""A setting in force is followed, viewing by viewing, and rolled back when the taste turns."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_core.clock import ManualClock
from omega_core.tuning import (
    SHIPPED,
    Evidence,
    Fitness,
    SettingsState,
    TunedSettings,
    TuningRecord,
    Watch,
)
from omega_meta_sona import Later, Watcher, Watching, World, compare
from omega_persistence import Database, Settings
from omega_rank import History
from omega_testing import planted
from omega_testing.planted import GENRES, Pick, PlantedWorld

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
BY_GENRE = TunedSettings(genre=6.0, content=0.3, nearest=0.3)


def adopt(store: Settings, tuned: TunedSettings, attempt: int = 1, seq: int = 0) -> int:
    held = store.in_force()
    worth = Fitness(0.1, 0.7, 0.4, 0.9, 0.5)
    return store.adopt(
        TuningRecord(
            version=0,
            parent=held.version if held else None,
            state=SettingsState.IN_FORCE,
            settings=tuned,
            fitness=worth,
            parent_fitness=worth,
            evidence=Evidence(attempt, NOW, NOW, 30, 0.1, 0.001, 0.03),
            watch=Watch(seq=seq),
            decided_at=NOW,
        )
    )


def follow(
    watcher: Watcher, world: World, titles: PlantedWorld, past: Pick, later: Pick
) -> list[Watching]:
    """40 viewings by one habit, then up to 150 by another, each told to the watcher."""
    history = planted.history(titles, past, 40)
    seen = history.seen.copy()
    outcomes = []
    for number in range(40, 190):
        unseen = (~seen).nonzero()[0]
        row = later(unseen, number)
        seen[row] = True
        viewing = planted.success(titles, row, number)
        pair = watcher.pair()
        if pair is None:
            break
        found = compare(world, history, pair, viewing, number)
        assert found is not None
        outcomes.append(watcher.observe(found, NOW + timedelta(days=number)))
        history.observe(viewing)
    return outcomes


def test_a_setting_is_rolled_back_when_the_taste_turns(
    store: Settings, world: World, titles: PlantedWorld
) -> None:
    version = adopt(store, BY_GENRE)
    fans = planted.genre_fans(titles, 1, GENRES[:1])
    outcomes = follow(Watcher(store), world, titles, fans, planted.latest_craze(titles, 1, 30))
    assert outcomes[-1] is Watching.ROLLED_BACK
    assert store.in_force() is None
    (record,) = store.history()
    assert (record.version, record.state) == (version, SettingsState.ROLLED_BACK)
    assert record.watch.events == len(outcomes)
    assert record.watch.effect < 0


def test_a_setting_that_suits_the_household_stays(
    store: Settings, world: World, titles: PlantedWorld
) -> None:
    version = adopt(store, BY_GENRE)
    fans = planted.genre_fans(titles, 1, GENRES[:2])
    outcomes = follow(Watcher(store), world, titles, fans, fans)
    assert set(outcomes) == {Watching.KEPT}
    held = store.in_force()
    assert held is not None
    assert held.version == version
    assert held.watch.events == 150


def test_rolling_back_returns_to_the_parent_and_watches_it_no_further(store: Settings) -> None:
    first = adopt(store, TunedSettings(genre=2.0))
    adopt(store, BY_GENRE, 2, seq=10)
    watcher = Watcher(store)
    assert watcher.pair() == (BY_GENRE, TunedSettings(genre=2.0))
    seq = 10
    while watcher.observe(Later(seq := seq + 1, 0.1, 0.6), NOW) is Watching.KEPT:
        assert seq < 100
    held = store.in_force()
    assert held is not None
    assert held.version == first
    assert watcher.pair() == (TunedSettings(genre=2.0), SHIPPED)


def test_nothing_is_watched_while_the_shipped_settings_are_in_force(store: Settings) -> None:
    watcher = Watcher(store)
    assert watcher.pair() is None
    assert watcher.observe(Later(1, 0.0, 1.0), NOW) is Watching.IDLE


def test_a_viewing_counts_once_even_after_a_restart(path: Path) -> None:
    with closing(Database.open(path, clock=ManualClock(NOW))) as database:
        store = Settings(database)
        adopt(store, BY_GENRE, seq=5)
        watcher = Watcher(store)
        assert watcher.observe(Later(5, 0.2, 0.4), NOW) is Watching.IDLE
        assert watcher.observe(Later(6, 0.2, 0.4), NOW) is Watching.KEPT
    with closing(Database.open(path, clock=ManualClock(NOW))) as database:
        store = Settings(database)
        assert Watcher(store).observe(Later(6, 0.2, 0.4), NOW) is Watching.IDLE
        held = store.in_force()
        assert held is not None
        assert held.watch.events == 1
        assert held.watch.effect == pytest.approx(-0.2)


def test_only_first_viewings_that_succeeded_count(world: World, titles: PlantedWorld) -> None:
    history = planted.history(titles, planted.anything(1), 20)
    unseen = int((~history.seen).nonzero()[0][0])
    seen = int(history.seen.nonzero()[0][0])
    pair = (BY_GENRE, SHIPPED)
    good = planted.success(titles, unseen, 99)
    found = compare(world, history, pair, good, 99)
    assert found is not None
    assert found.seq == 99
    assert found.own_gain != found.parent_gain
    assert compare(world, history, pair, planted.success(titles, seen, 99), 99) is None
    stopped = planted.stopped(titles, unseen, 99)
    assert compare(world, history, pair, stopped, 99) is None


def test_a_household_that_watched_nothing_can_be_compared(
    world: World, titles: PlantedWorld
) -> None:
    viewing = planted.success(titles, 3, 1)
    found = compare(world, History(titles.catalogue), (BY_GENRE, SHIPPED), viewing, 1)
    assert found is not None
    assert found.own_gain == found.parent_gain
