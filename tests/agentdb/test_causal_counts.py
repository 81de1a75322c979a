"""Causal counts against a recount of every viewing, and the bound on what is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_agentdb import AgentDBConfig, CausalLearner
from omega_agentdb.bound import enforce, forget_faded
from omega_core.causes import ALL, AS_CAUSE, AS_EFFECT
from omega_core.taste import HALF_LIFE, SkillChanges, SkillMember, Tally, TasteViewing
from omega_core.viewing import ViewingContext
from omega_persistence import Database
from omega_persistence.causal import Causal
from omega_persistence.skills import Skills
from omega_testing.taste_tables import (
    GENRES,
    START,
    database_of_titles,
    groups_of_titles,
    pattern,
    viewing,
)

COUNT = 6
WITHIN = timedelta(hours=4)
NOW = START + timedelta(days=200)
Edges = dict[tuple[str, str], float]


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(COUNT) as opened:
        yield opened


def learn(learner: CausalLearner, viewings: Sequence[TasteViewing]) -> None:
    while not learner.learn(viewings).finished:
        pass


@st.composite
def streams(draw: st.DrawFn) -> list[TasteViewing]:
    """Viewings in sessions and outside, most in their order, some late."""
    made, hours = [], 0.0
    for seq in range(1, draw(st.integers(1, 40)) + 1):
        hours += draw(st.sampled_from([0.5, 1, 3.9, 4, 4.1, 30, -2]))
        made.append(
            viewing(
                2 * seq,
                draw(st.integers(1, COUNT)),
                hours=max(0.0, hours),
                success=draw(st.booleans()),
                profile_id=draw(st.sampled_from(["", "ann"])),
                session_id=draw(st.sampled_from(["", "s1", "s2"])),
                context=ViewingContext(draw(st.integers(0, 2)), draw(st.integers(0, 1))),
                genres=tuple(draw(st.lists(st.sampled_from(GENRES[:4]), max_size=2))),
            )
        )
    return made


def recount(
    viewings: Sequence[TasteViewing], profile_id: str, patterns: dict[int, int], at: datetime
) -> tuple[Edges, dict[tuple[int, str], float]]:
    """Edges and totals as of an instant, counted from the first viewing on."""
    edges: defaultdict[tuple[str, str], float] = defaultdict(float)
    totals: defaultdict[tuple[int, str], float] = defaultdict(float)
    before: TasteViewing | None = None

    def of(each: TasteViewing) -> set[str]:
        facets = {f"genre:{genre}" for genre in each.genres}
        if each.content_rowid in patterns:
            facets.add(f"pattern:{patterns[each.content_rowid]}")
        return facets

    for each in viewings:
        if profile_id not in {"", each.profile_id}:
            continue
        weight = 0.5 ** ((at - each.at) / HALF_LIFE)
        slot, day = each.context.time_of_day, each.context.day_type
        causes = {f"time_of_day:{slot}"} if slot else set()
        causes |= {f"day_type:{day}"} if day else set()
        late = before is not None and each.at < before.at
        if before is not None and not late:
            session = each.session_id and each.session_id == before.session_id
            if session or each.at - before.at <= WITHIN:
                causes |= of(before)
        effects = of(each) if each.success else set()
        for cause in causes:
            totals[AS_CAUSE, cause] += weight
            for effect in effects:
                edges[cause, effect] += weight
        for effect in effects:
            totals[AS_EFFECT, effect] += weight
        totals[ALL, ""] += weight
        before = before if late else each
    return dict(edges), dict(totals)


def held(
    store: Causal, profile_id: str, at: datetime
) -> tuple[Edges, dict[tuple[int, str], float]]:
    edges = {(e.cause, e.effect): e.value(at) for e in store.edges(profile_id)}
    totals = {
        (t.kind, t.name): t.total * 0.5 ** ((at - t.last_observed) / HALF_LIFE)
        for t in store.totals(profile_id)
    }
    return edges, totals


@settings(max_examples=30, deadline=None)
@given(viewings=streams(), cut=st.integers(0, 40))
def test_counts_are_what_a_recount_gives(viewings: list[TasteViewing], cut: int) -> None:
    with database_of_titles(COUNT) as database:
        skills, store = Skills(database), Causal(database)
        members = tuple(
            SkillMember(owner, rowid, skill_id, Tally(START))
            for owner, skill_id in (("", 7), ("ann", 8))
            for rowid in (1, 2)
        )
        patterns = (pattern(7), pattern(8, profile_id="ann"))
        skills.save(SkillChanges(skills=patterns, members=members))
        learner = CausalLearner(store, skills)
        learn(learner, viewings[:cut])
        learn(learner, viewings)
        learn(learner, viewings)
        for owner, skill_id in (("", 7), ("ann", 8)):
            found = held(store, owner, NOW)
            expected = recount(viewings, owner, {1: skill_id, 2: skill_id}, NOW)
            assert found[0] == pytest.approx(expected[0])
            assert found[1] == pytest.approx(expected[1])
        assert learner.learnt_seq() == viewings[-1].seq


def test_an_edge_tells_its_counts_and_instants(database: Database) -> None:
    learner = CausalLearner(Causal(database), Skills(database))
    crime, comedy = ("Crime",), ("Comedy",)
    plan = [(crime, True), (comedy, True), (crime, True), (comedy, False), (crime, True)]
    learn(
        learner,
        [
            viewing(i + 1, 1, hours=i, success=good, genres=genres, context=ViewingContext())
            for i, (genres, good) in enumerate(plan)
        ],
    )
    at = START + timedelta(hours=4)
    (edge,) = learner.effects_of("genre:Crime", at)
    assert (edge.cause, edge.effect) == ("genre:Crime", "genre:Comedy")
    assert edge.first_observed == edge.last_observed == START + timedelta(hours=1)
    assert edge.sample_size == pytest.approx(2, abs=0.01)
    assert edge.probability == pytest.approx(1 / 2, abs=0.01)
    assert edge.base_rate == pytest.approx(1 / 5, abs=0.01)
    assert edge.uplift.value == pytest.approx(1 / 2 - 1 / 5, abs=0.01)
    assert edge.uplift.low < 0 < edge.uplift.value < edge.uplift.high
    assert not learner.effects_of("genre:Crime", at, only_sure=True)
    causes = learner.causes_of("genre:Crime", at)
    assert [each.cause for each in causes] == ["genre:Comedy"]


def test_a_late_observation_is_not_the_last(database: Database) -> None:
    learner = CausalLearner(Causal(database), Skills(database))
    for days in (3, 1, 2):
        learner.record("a", "b", START + timedelta(days=days))
    (edge,) = learner.effects_of("a", NOW)
    assert edge.first_observed == START + timedelta(days=1)
    assert edge.last_observed == START + timedelta(days=3)


def test_effects_and_causes_come_by_uplift(database: Database) -> None:
    learner = CausalLearner(Causal(database), Skills(database))
    rates = {"genre:A": 9, "genre:B": 5, "genre:C": 1}
    for effect, times in rates.items():
        for i in range(10):
            learner.record("time_of_day:4", effect, START, happened=i < times)
            learner.record("time_of_day:1", effect, START, happened=i < 10 - times)
    late = [edge.effect for edge in learner.effects_of("time_of_day:4", START)]
    assert late == ["genre:A", "genre:B", "genre:C"]
    assert [edge.cause for edge in learner.causes_of("genre:C", START)] == [
        "time_of_day:1",
        "time_of_day:4",
    ]
    uplifts = [edge.uplift.value for edge in learner.effects_of("time_of_day:1", START)]
    assert uplifts == sorted(uplifts, reverse=True)


def test_old_observations_make_wide_intervals(database: Database) -> None:
    learner = CausalLearner(Causal(database), Skills(database))
    for i in range(40):
        learner.record("a", "b", START, happened=i < 30)
        learner.record("c", "b", START, happened=i < 10)
    (new,) = (e for e in learner.causes_of("b", START, only_sure=True) if e.cause == "a")
    (old,) = (e for e in learner.causes_of("b", START + 6 * HALF_LIFE) if e.cause == "a")
    assert new.uplift.value == pytest.approx(old.uplift.value)
    assert old.sample_size == pytest.approx(40 / 2**6)
    assert old.uplift.low < 0 < new.uplift.low
    assert old.uplift.confidence < 0.95 < new.uplift.confidence


def test_edges_and_totals_that_faded_are_forgotten(database: Database) -> None:
    store = Causal(database)
    learner = CausalLearner(store, Skills(database))
    learner.record("a", "b", START)
    learner.record("c", "d", NOW)
    config = AgentDBConfig()
    assert forget_faded(config, store, NOW) == {"edges": 0, "totals": 0}
    gone = forget_faded(config, store, START + 7 * HALF_LIFE)
    assert gone == {"edges": 1, "totals": 2}
    assert [edge.cause for edge in store.edges("")] == ["c"]
    assert {total.name for total in store.totals("")} == {"", "c", "d"}


def test_what_is_of_least_value_goes_first(database: Database) -> None:
    store, skills = Causal(database), Skills(database)
    learner = CausalLearner(store, skills)
    for i in range(30):
        for _ in range(1 + i % 3):
            learner.record(f"cause {i:02d}", "b", START + timedelta(days=i))
    groups = groups_of_titles(2, 1)
    tallies = (Tally(START, viewings=0.01), Tally(START, viewings=50.0))
    patterns = tuple(
        pattern(i + 1, centroid=groups[i], tally=tally) for i, tally in enumerate(tallies)
    )
    skills.save(SkillChanges(skills=patterns))
    config = AgentDBConfig(max_patterns=20)
    values = sorted((edge.value(NOW), edge.cause) for edge in store.edges(""))
    assert enforce(config, skills, store, NOW) == {"edges": 12, "patterns": 1}
    assert [skill.skill_id for skill in skills.skills()] == [2]
    assert {edge.cause for edge in store.edges("")} == {cause for _, cause in values[12:]}
    assert enforce(config, skills, store, NOW) == {}
