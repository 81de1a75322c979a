"""Patterns are what their members make them, whatever came in which order, and in which steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_agentdb import SkillConfig, SkillLearner
from omega_core.taste import HALF_LIFE, Skill, TasteViewing
from omega_core.viewing import ViewingContext
from omega_persistence import Database
from omega_persistence.skills import Skills
from omega_testing.taste_tables import (
    GENRES,
    START,
    FixedTitles,
    database_of_titles,
    groups_of_titles,
    titles,
    viewing,
)

KEEP_ALL = SkillConfig(prune_below=0.0)
COUNT = 24
VECTORS = groups_of_titles(4, 6, closeness=0.4)


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(120) as opened:
        yield opened


def learn(learner: SkillLearner, viewings: Sequence[TasteViewing]) -> Counter[str]:
    counts: Counter[str] = Counter()
    while True:
        step = learner.learn(viewings)
        counts.update(step.counts)
        if step.finished:
            return counts


def consolidate(learner: SkillLearner, days: float = 0) -> Counter[str]:
    counts: Counter[str] = Counter()
    step = learner.consolidate(START + timedelta(days=days))
    counts.update(step.counts)
    while not step.finished:
        step = learner.consolidate(START + timedelta(days=days), step.progress)
        counts.update(step.counts)
    return counts


@st.composite
def streams(draw: st.DrawFn) -> list[TasteViewing]:
    """Viewings of two people and the household, titles watched again, some of them late."""
    seqs = draw(st.lists(st.integers(1, 500), unique=True, min_size=1, max_size=70).map(sorted))
    return [
        viewing(
            seq,
            draw(st.integers(1, COUNT)),
            hours=draw(st.integers(0, 4_000)),
            success=draw(st.booleans()),
            profile_id=draw(st.sampled_from(["", "ann", "bob"])),
            context=ViewingContext(draw(st.integers(0, 4)), draw(st.integers(0, 3))),
            genres=tuple(draw(st.lists(st.sampled_from(GENRES), max_size=3))),
            kind=draw(st.integers(0, 2)),
        )
        for seq in seqs
    ]


def assert_recounted(
    store: Skills, fixed: FixedTitles, viewings: Sequence[TasteViewing], profile_id: str
) -> None:
    """Every pattern against what its members' viewings give, counted one by one."""
    seen = [v for v in viewings if profile_id in {"", v.profile_id}]
    of_title = defaultdict(list)
    for each in seen:
        of_title[each.content_rowid].append(each)
    placed: list[int] = []
    for skill in store.skills(profile_id):
        rowids = [m.content_rowid for m in store.members(profile_id, skill_id=skill.skill_id)]
        placed += rowids
        watched = [each for rowid in rowids for each in of_title[rowid]]
        assert (skill.members, skill.sample_count) == (len(rowids), len(watched))
        assert skill.updated_at == max(each.at for each in watched)
        weights = [0.5 ** ((skill.updated_at - each.at) / HALF_LIFE) for each in watched]
        assert skill.viewings == pytest.approx(sum(weights))
        successes = sum(w for w, each in zip(weights, watched, strict=True) if each.success)
        assert skill.success_rate == pytest.approx(successes / sum(weights))
        contexts: defaultdict[str, float] = defaultdict(float)
        for weight, each in zip(weights, watched, strict=True):
            for name in {*each.circumstances, *each.properties}:
                contexts[name] += weight
        assert dict(skill.contexts) == pytest.approx(dict(contexts))
        total = sum(fixed.rows[rowid].astype(np.float64) for rowid in rowids)
        assert skill.resultant == pytest.approx(np.linalg.norm(total), rel=1e-5)
        np.testing.assert_allclose(skill.centroid, total / np.linalg.norm(total), atol=1e-5)
    assert sorted(placed) == sorted(of_title)


@settings(max_examples=25, deadline=None)
@given(viewings=streams(), data=st.data())
def test_patterns_are_what_a_recount_of_their_members_gives(
    viewings: list[TasteViewing], data: st.DataObject
) -> None:
    fixed = titles(VECTORS)
    config = SkillConfig(join_above=0.3, prune_below=0.0, least_half=2, split_above=0.1)
    with database_of_titles(COUNT) as database:
        store = Skills(database)
        learner = SkillLearner(store, fixed, config)
        first = data.draw(st.integers(0, len(viewings)))
        learn(learner, viewings[:first])
        consolidate(learner)
        learn(learner, viewings)
        for _ in range(2):
            for profile_id in ("", "ann", "bob"):
                assert_recounted(store, fixed, viewings, profile_id)
            consolidate(learner)


@settings(max_examples=15, deadline=None)
@given(viewings=streams(), cut=st.integers(1, 70))
def test_viewings_count_once_however_they_are_handed_over(
    viewings: list[TasteViewing], cut: int
) -> None:
    found = []
    for parts in ([viewings], [viewings[:cut], viewings, viewings]):
        with database_of_titles(COUNT) as database:
            store = Skills(database)
            learner = SkillLearner(store, titles(VECTORS), KEEP_ALL)
            for part in parts:
                learn(learner, part)
            found.append((learner.learnt_seq(), store.skills(), store.members("")))
    assert found[0] == found[1]
    assert found[0][0] == viewings[-1].seq


def test_a_failed_step_teaches_nothing(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS), KEEP_ALL)
    with pytest.raises(RuntimeError):
        _learn_and_fail(database, learner)
    assert (learner.learnt_seq(), learner.store.count()) == (0, 0)
    assert learn(learner, [viewing(1, 1)])["founded"] == 1


def _learn_and_fail(database: Database, learner: SkillLearner) -> None:
    with database.transaction():
        learner.learn([viewing(1, 1)])
        raise RuntimeError


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_tastes_are_found_in_any_order(database: Database, seed: int) -> None:
    fixed = titles(groups_of_titles(5, 20, closeness=0.4))
    order = np.random.default_rng(seed).permutation(100) + 1
    learner = SkillLearner(Skills(database), fixed)
    learn(learner, [viewing(seq + 1, int(rowid)) for seq, rowid in enumerate(order)])
    consolidate(learner, days=21)
    patterns = learner.store.skills("")
    assert len(patterns) == 5
    for skill in patterns:
        members = learner.store.members("", skill_id=skill.skill_id)
        assert len({(member.content_rowid - 1) // 20 for member in members}) == 1
        assert len(members) == 20


@settings(max_examples=12, deadline=None)
@given(viewings=streams(), broken_off=st.integers(1, 25))
def test_a_consolidation_begun_again_ends_the_same(
    viewings: list[TasteViewing], broken_off: int
) -> None:
    config = SkillConfig(join_above=0.05, merge_above=0.5, least_half=2, split_above=0.05)
    found = []
    for stop in (0, broken_off):
        with database_of_titles(COUNT) as database:
            learner = SkillLearner(Skills(database), titles(VECTORS), config)
            learn(learner, viewings)
            progress = None
            for _ in range(stop):
                step = learner.consolidate(START + timedelta(days=300), progress)
                progress = step.progress
                if step.finished:
                    break
            consolidate(learner, days=300)
            assert not consolidate(learner, days=300)
            found.append(_content(learner.store.skills()))
    assert found[0] == found[1]


def _content(skills: Sequence[Skill]) -> list[tuple[object, ...]]:
    return [(s, s.centroid.tobytes()) for s in skills]


def test_a_pattern_whose_titles_lie_in_two_heaps_is_divided(database: Database) -> None:
    fixed = titles(groups_of_titles(2, 10, closeness=0.5))
    learner = SkillLearner(Skills(database), fixed, SkillConfig(join_above=-1))
    learn(learner, [viewing(seq, seq) for seq in range(1, 21)])
    assert learner.store.count() == 1
    before = learner.store.skills("")[0]
    assert consolidate(learner, days=4)["split"] == 1
    kept, born = learner.store.skills("")
    assert kept.skill_id == before.skill_id < born.skill_id
    assert kept.created_at == born.created_at
    heaps = [
        {(m.content_rowid - 1) // 10 for m in learner.store.members("", skill_id=s.skill_id)}
        for s in (kept, born)
    ]
    assert sorted(map(sorted, heaps)) == [[0], [1]]
    assert kept.viewings >= born.viewings


@pytest.mark.parametrize("count", [10, 40])
def test_titles_without_structure_are_hardly_ever_divided(database: Database, count: int) -> None:
    split = 0
    for seed in range(20):
        fixed = titles(groups_of_titles(1, count, closeness=0.2, seed=seed))
        store = Skills(database)
        learner = SkillLearner(store, fixed, SkillConfig(join_above=-1))
        first = seed * count + 1
        learn(learner, [viewing(first + i, i + 1) for i in range(count)])
        split += consolidate(learner)["split"]
        store.clear()
    assert split <= 1


def test_a_half_that_belongs_to_another_pattern_is_not_divided_off(database: Database) -> None:
    heaps = groups_of_titles(2, 40, closeness=0.5)
    fixed = titles(np.concatenate([heaps[:30], heaps[40:60]]))
    learner = SkillLearner(Skills(database), fixed)
    mixed = learner.found("Mixed", fixed.rows[1], START)
    other = learner.found("Other", fixed.rows[50], START)
    for rowid in range(1, 51):
        learner.count_for(mixed if rowid <= 36 else other, viewing(0, rowid, hours=rowid))
    first, second = learner.store.skills("")
    assert first.centroid @ second.centroid < SkillConfig().merge_above
    assert not consolidate(learner)["split"]
    Skills(database).clear()
    alone = learner.found("Mixed", fixed.rows[1], START)
    for rowid in range(1, 37):
        learner.count_for(alone, viewing(0, rowid, hours=rowid))
    assert consolidate(learner)["split"] == 1


def test_patterns_that_came_close_become_one(database: Database) -> None:
    fixed = titles(groups_of_titles(1, 30, closeness=0.35))
    strict = SkillLearner(Skills(database), fixed, SkillConfig(join_above=0.44))
    learn(strict, [viewing(seq, seq, success=seq % 3 > 0) for seq in range(1, 31)])
    before = strict.store.skills("")
    assert len(before) > 2
    merged = consolidate(strict, days=7)["merged"]
    (whole,) = strict.store.skills("")
    assert merged == len(before) - 1
    assert whole.skill_id == before[0].skill_id
    assert (whole.members, whole.sample_count) == (30, 30)
    assert 0.6 < whole.success_rate < 0.75
    assert not consolidate(strict, days=7)  # its members make it the same, to the last bit


def test_what_decayed_to_nothing_is_forgotten_and_comes_back_anew(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS))
    learn(learner, [viewing(1, 1), viewing(2, 2), viewing(3, 7)])
    assert learner.store.count() == 2
    consolidate(learner, days=400)  # two viewings outlast one
    assert [s.members for s in learner.store.skills()] == [2]
    assert learner.pattern_of(7) is None
    learn(learner, [viewing(4, 7, hours=24 * 400)])
    again = learner.pattern_of(7)
    assert again is not None
    assert (again.sample_count, again.skill_id) == (1, 3)


def test_success_rates_lean_to_what_was_watched_of_late(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS))
    half_life = HALF_LIFE / timedelta(hours=1)
    learn(learner, [viewing(1, 1, hours=0), viewing(2, 2, hours=half_life, success=False)])
    (skill,) = learner.store.skills("")
    assert skill.sample_count == 2
    assert skill.viewings == pytest.approx(1.5)
    assert skill.success_rate == pytest.approx(1 / 3)


def test_at_the_bound_titles_join_the_nearest_pattern(database: Database) -> None:
    few = SkillConfig(join_above=0.4, most_patterns=3)
    learner = SkillLearner(Skills(database), titles(groups_of_titles(60, 1)), few)
    learn(learner, [viewing(seq, seq) for seq in range(1, 61)])
    assert learner.store.count() == 3
    assert learner.store.member_count() == 60


def test_a_lower_bound_forgets_the_patterns_of_least_value(database: Database) -> None:
    fixed = titles(groups_of_titles(6, 1))
    learn(
        SkillLearner(Skills(database), fixed, SkillConfig(join_above=0.4)),
        [viewing(seq, 1 + seq % 6, hours=seq) for seq in range(1, 5)]
        + [viewing(9, 1), viewing(10, 2)],
    )
    assert Skills(database).count() == 5
    few = SkillConfig(join_above=0.4, most_patterns=2)
    consolidate(SkillLearner(Skills(database), fixed, few))
    left = [m.content_rowid for m in Skills(database).members("")]
    assert left == [1, 2]


def test_a_title_without_direction_belongs_nowhere(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS))
    assert learn(learner, [viewing(1, 100)])["unplaced"] == 1
    assert (learner.learnt_seq(), learner.store.count()) == (1, 0)


def test_the_outbox_can_ask_what_a_title_belongs_to(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS))
    learn(learner, [viewing(seq, 1 + seq % 3, profile_id="ann") for seq in range(1, 5)])
    for profile_id in ("", "ann"):
        skill = learner.pattern_of(2, profile_id)
        assert skill is not None
        assert (skill.profile_id, skill.sample_count, skill.success_rate) == (profile_id, 4, 1)
    assert learner.pattern_of(2, "bob") is None
    assert learner.pattern_of(20) is None


def test_another_encoder_rebuilds_patterns_from_their_members(database: Database) -> None:
    viewings = [viewing(seq, seq) for seq in range(1, COUNT + 1)]
    learn(SkillLearner(Skills(database), titles(VECTORS), KEEP_ALL), viewings)
    before = Skills(database).skills("")
    turned = FixedTitles({i + 1: -row for i, row in enumerate(VECTORS)}, "encoder-2")
    learner = SkillLearner(Skills(database), turned, KEEP_ALL)
    step = learner.rebuild()
    while not step.finished:
        step = learner.rebuild(step.progress)
    after = learner.store.skills("")
    assert {skill.model_version for skill in after} == {"encoder-2"}
    assert [s.skill_id for s in after] == [s.skill_id for s in before]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new.centroid, -old.centroid, atol=1e-5)
    assert_recounted(Skills(database), turned, viewings, "")


def test_learning_with_another_encoder_never_mixes_two(database: Database) -> None:
    old = SkillLearner(Skills(database), titles(VECTORS))
    empty = old.found("By hand", -VECTORS[23], START)
    learn(old, [viewing(s, s) for s in range(1, 13)])
    turned = FixedTitles({i + 1: -row for i, row in enumerate(VECTORS)}, "encoder-2")
    learner = SkillLearner(Skills(database), turned)
    counts = learn(learner, [viewing(20, 3), viewing(21, 24)])
    assert (counts["repeated"], counts["founded"]) == (1, 1)
    others = [skill for skill in learner.store.skills() if skill.skill_id != empty]
    assert {skill.model_version for skill in others} == {"encoder-2"}


def test_patterns_made_by_hand_take_titles_and_else_are_forgotten(database: Database) -> None:
    learner = SkillLearner(Skills(database), titles(VECTORS))
    found = learner.found("Sunday films", VECTORS[0], START)
    empty = learner.found("Nothing", VECTORS[23], START, profile_id="ann")
    counted = learner.count_for(found, viewing(0, 1, success=False))
    assert (counted.members, counted.success_rate) == (1, 0)
    assert learner.count_for(found, viewing(0, 1)).success_rate == pytest.approx(0.5)
    learn(learner, [viewing(1, 2)])
    assert [s.skill_id for s in learner.store.skills("")] == [found]
    consolidate(learner)
    assert empty not in {skill.skill_id for skill in learner.store.skills()}
