"""What a deleted profile watched is forgotten by the household too, and by the fleet."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.memory import Memory, Tier
from omega_core.profile import Profile
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_persistence.relearning import FORGOTTEN, MARKS
from omega_testing.gateway import Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]
START = datetime(2026, 3, 2, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@contextmanager
def opened(config: BrainConfig, stocked: Path, clock: ManualClock) -> Iterator[Brain]:
    if not config.storage_path.exists():
        shutil.copytree(stocked, config.storage_path)
    with Brain(config, clock=clock) as brain:
        yield brain


def evenings(titles: list[Content], days: int, start: datetime = START) -> list[ViewingEvent]:
    """Ann and Kim in turn, and now and then the household; Kim watches titles of her own too."""
    events = []
    for n in range(days):
        who = ("ann", "kim", "")[n % 3]
        place = 60 + n % 30 if who == "kim" and n % 2 else n % 20
        at = start + n * DAY
        events.append(
            ViewingEvent(
                f"evening-{who}-{n}",
                titles[place].content_id,
                0.95,
                0.95,
                at,
                profile_id=who,
                context=ViewingContext(time_of_day=3),
            )
        )
    return events


def learn(brain: Brain, clock: ManualClock, hours: int = 2) -> None:
    for _ in range(hours):
        clock.advance(HOUR)
        brain.loops.tick(clock.now())


def learnt(brain: Brain, profile_id: str = "") -> dict[str, list[tuple[Any, ...]]]:
    """All that was learnt of somebody, without the numbers of patterns."""
    with brain.persistence.database.read() as connection:
        found = {
            table: connection.execute(
                f"SELECT * FROM {table} WHERE profile_id = ? AND ({which})",  # noqa: S608 - constants
                (profile_id,),
            ).fetchall()
            for table, which in FORGOTTEN.items()
        }
    found["skills"] = [row[1:] for row in found["skills"]]
    found["skill_members"] = [row[:2] + row[3:] for row in found["skill_members"]]
    for table in ("causal_edges", "causal_totals"):
        # Patterns go by number there.
        found[table] = [
            row for row in found[table] if not any("pattern:" in str(part) for part in row)
        ]
    return found


def live(
    brain: Brain, clock: ManualClock, events: list[ViewingEvent], profiles: tuple[str, ...]
) -> None:
    for name in profiles:
        brain.put_profile(Profile(name, f"Person {name}"))
    brain.observe_all(events)
    learn(brain, clock)


def test_the_household_knows_what_it_would_know_without_the_profile(
    config: BrainConfig, stocked_storage: Path, titles: list[Content], tmp_path: Path
) -> None:
    events = evenings(titles, 60)
    clock = ManualClock(START + 61 * DAY)
    with opened(config, stocked_storage, clock) as brain:
        live(brain, clock, events, ("ann", "kim"))
        before, anns = learnt(brain), learnt(brain, "ann")
        assert all(before[table] for table in ("skills", "skill_members", "causal_edges", "habits"))
        assert brain.delete_profile("kim") == 20
        assert not any(learnt(brain).values())
        assert learnt(brain, "ann") == anns
        learn(brain, clock)
        after = learnt(brain)
        assert learnt(brain, "ann") == anns, "what a profile learnt of its own stays"
        assert not brain.persistence.relearning.under_way()
    other = replace(config, storage_path=tmp_path / "without")
    clock = ManualClock(START + 61 * DAY)
    with opened(other, stocked_storage, clock) as brain:
        live(brain, clock, [e for e in events if e.profile_id != "kim"], ("ann",))
        expected = learnt(brain)
    for table in ("skills", "skill_members", "causal_edges", "causal_totals", "habits"):
        assert after[table] == expected[table], table
        assert after[table] != before[table], table


def test_what_was_folded_is_learnt_again_from_the_records_of_titles(
    config: BrainConfig, stocked_storage: Path, titles: list[Content]
) -> None:
    events = evenings(titles, 60)
    clock = ManualClock(START + 61 * DAY)
    with opened(config, stocked_storage, clock) as brain:
        live(brain, clock, events, ("ann", "kim"))
        records = brain.persistence.title_records
        assert records.capacity(10, 100) == 50
        samples = brain.pattern_samples()
        brain.delete_profile("kim")
        again = brain.pattern_samples()
        left = {e.content_id for e in events if e.profile_id != "kim"}
        assert set(again) < set(samples)
        kept = brain.persistence.contents.by_rowids(list(again)).values()
        assert {row.content.content_id for row in kept} == left
        assert sum(s.sample_count for s in brain.agentdb.skill_list("")) == 40
        learn(brain, clock)
        assert brain.persistence.habits.get("") is not None
        assert not brain.persistence.relearning.under_way()


def test_a_death_on_the_way_loses_and_doubles_nothing(
    config: BrainConfig, stocked_storage: Path, titles: list[Content], tmp_path: Path
) -> None:
    clock = ManualClock(START + 121 * DAY)
    results = []
    for steps in (0, 1, 2):
        storage = replace(config, storage_path=tmp_path / f"tv-{steps}")
        clock = ManualClock(START + 121 * DAY)
        with opened(storage, stocked_storage, clock) as brain:
            live(brain, clock, evenings(titles, 120), ("ann", "kim"))
            brain.delete_profile("kim")
            for _ in range(steps):
                brain._mind.adaptive._learn_patterns()
            image = tmp_path / f"cut-{steps}"
            # As a power cut leaves it: the files while the process lives.
            shutil.copytree(storage.storage_path, image)
            under_way = brain.persistence.relearning.under_way()
            assert under_way
        with opened(replace(config, storage_path=image), stocked_storage, clock) as brain:
            fresh = [replace(e, event_id=f"{e.event_id}-late") for e in evenings(titles, 9)]
            brain.observe_all([e for e in fresh if e.profile_id != "kim"])
            learn(brain, clock)
            assert not brain.persistence.relearning.under_way()
            results.append(learnt(brain))
            assert sum(s.sample_count for s in brain.agentdb.skill_list("")) == 80 + 6
    assert results[0] == results[1] == results[2]


def test_two_deletions_in_a_row_leave_the_rest_learnt_once(
    config: BrainConfig, stocked_storage: Path, titles: list[Content]
) -> None:
    clock = ManualClock(START + 61 * DAY)
    with opened(config, stocked_storage, clock) as brain:
        live(brain, clock, evenings(titles, 60), ("ann", "kim"))
        brain.delete_profile("kim")
        brain._mind.adaptive._learn_patterns()
        brain.delete_profile("ann")
        learn(brain, clock)
        assert sum(s.sample_count for s in brain.agentdb.skill_list("")) == 20
        seqs = {mark: int(brain.persistence.meta.get(mark) or 0) for mark in MARKS}
        assert set(seqs.values()) == {60}


def test_nothing_is_folded_while_the_household_learns_again(
    config: BrainConfig, stocked_storage: Path, titles: list[Content]
) -> None:
    clock = ManualClock(START + 61 * DAY)
    with opened(config, stocked_storage, clock) as brain:
        live(brain, clock, evenings(titles, 60), ("ann", "kim"))
        clock.advance(40 * DAY)
        brain.delete_profile("kim")
        adaptive = brain._mind.adaptive
        for step in (adaptive._count_habits, adaptive._learn_patterns, adaptive._learn_causes):
            step(None)  # type: ignore[arg-type]  # none of them looks at the loop
        stores = brain.persistence
        assert min(int(stores.meta.get(mark) or 0) for mark in MARKS) > 16
        brain.memory.sweep(clock.now())
        assert stores.title_records.viewings() == 0
        learn(brain, clock)
        assert stores.title_records.viewings() == 40


def test_memories_of_the_profile_and_of_the_household_go_at_once(
    config: BrainConfig, stocked_storage: Path, titles: list[Content]
) -> None:
    clock = ManualClock(START + 61 * DAY)
    tiers = (Tier.INSTANT, Tier.SESSION, Tier.SEMANTIC, Tier.EVOLUTIONARY, Tier.TEMPORAL)
    with opened(config, stocked_storage, clock) as brain:
        live(brain, clock, evenings(titles, 30), ("ann", "kim"))
        now = clock.now()
        for tier in tiers:
            for who in ("", "kim", "ann"):
                memory = Memory(
                    tier=tier,
                    key="said",
                    profile_id=who,
                    text="x",
                    importance=1.0,
                    created_at=now,
                    accessed_at=now,
                )
                assert brain.memory.store(memory, now)
        brain.delete_profile("kim")
        left = [
            (tier, who)
            for tier in tiers
            for who in ("", "kim", "ann")
            if brain.memory.get(tier, "said", now, who)
        ]
        assert left == [(tier, "ann") for tier in tiers[1:]]


def test_no_file_holds_what_only_the_profile_could_have_taught(
    config: BrainConfig, stocked_storage: Path, titles: list[Content]
) -> None:
    """Its own genre stands in the habits of the household alone."""
    clock = ManualClock(START + 61 * DAY)
    name = "Quuxploitation-of-Kim"
    own = [replace(t, content_id=f"own-{n}", genres=(name,)) for n, t in enumerate(titles[:6])]
    with opened(config, stocked_storage, clock) as brain:
        brain.upsert(own)
        watched = [replace(e, profile_id="kim") for e in evenings(own * 20, 30)]
        live(brain, clock, watched, ("kim",))
        brain.backup()
        body = brain.persistence.habits.get("")
        assert body is not None
        assert name in body
        brain.delete_profile("kim")
        for path in config.storage_path.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert b"Person kim" not in data
                assert b"evening-" not in data
                assert f"genre:{name}".encode() not in data
                assert f'"{name}",'.encode() not in data


@pytest.mark.parametrize("shared", [True, False], ids=["others liked it too", "nobody else did"])
def test_the_fleet_forgets_what_only_the_profile_liked(
    shared: bool,
    tv: Tv,
    titles: list[Content],
    viewing: Viewing,
    publish_catalogue: Callable[..., None],
    gateway: Gateway,
) -> None:
    publish_catalogue(titles[:100])
    tv.sync()
    tv.brain.put_profile(Profile("kim", "Kim"))
    for place, title in enumerate(titles[:6]):
        tv.brain.observe(replace(viewing(title.content_id), profile_id="kim" if place < 3 else ""))
        if shared and place < 3:
            tv.brain.observe(viewing(title.content_id))
    assert tv.sync().pushed_sketches == 6
    old = tv.brain.stores.meta.identity()
    assert old is not None
    before = set(gateway.sketches)
    tv.brain.delete_profile("kim")
    assert tv.brain.stores.sketches.acknowledged_count() == (6 if shared else 0)
    tv.sync()
    tv.sync()
    new = tv.brain.stores.meta.identity()
    assert new is not None
    assert (old.device_id in gateway.erased) is not shared
    assert (new == old) is shared
    if shared:
        assert set(gateway.sketches) == before
    else:
        assert len(gateway.sketches) <= 3
        assert before.isdisjoint(gateway.sketches), "a new identity draws new noise"
