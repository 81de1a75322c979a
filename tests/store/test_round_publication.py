"""A round's result: published whole or not at all, and the steps that TVs take over it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from omega_core.errors import ErrorCode, OmegaError
from omega_store import RoundResult, Store, leadership, publish_round, resources, rounds, states
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures, RoundStatus
from omega_store.states import KEEP_STEPS, MOST_PATTERNS, NOTHING, Pattern, State
from omega_testing.fleet import MODEL, NOW, patterns, vectors
from omega_testing.published import publish


def live(store: Store) -> dict[int, Pattern]:
    with store.snapshot() as conn:
        return by_id(states.patterns(conn))


def by_id(found: Iterable[Pattern]) -> dict[int, Pattern]:
    return {pattern.pattern_id: pattern for pattern in found}


def same(one: Pattern, other: Pattern) -> bool:
    return np.array_equal(one.embedding, other.embedding) and (
        dataclasses.replace(one, embedding=other.embedding) == other
    )


def test_a_round_publishes_patterns_factors_and_its_record(store: Store) -> None:
    figures = publish(store, patterns(3), factors=b"factors")
    assert figures == RoundFigures(5, 50, 7, patterns=3, state_version=1, factors_version=1)
    assert sorted(live(store)) == [1, 2, 3]
    with store.snapshot() as conn:
        assert states.current(conn) == State(1, MODEL)
        assert resources.read(conn, ResourceKind.FACTORS, 1, 0, 100) == b"factors"
        record = rounds.get(conn, 1)
    assert (record.status, record.figures, record.finished_at) == (
        RoundStatus.SUCCEEDED,
        figures,
        NOW,
    )


def test_a_round_without_change_publishes_no_state(store: Store) -> None:
    publish(store, patterns(2))
    assert publish(store).state_version == 0
    with store.snapshot() as conn:
        assert states.current(conn).version == 1


def test_a_publication_that_fails_leaves_nothing(store: Store) -> None:
    publish(store, patterns(2))
    with leadership(store) as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        result = RoundResult(
            round_id=begun.round_id,
            model_version=MODEL,
            state_version=2,
            changed=patterns(2, seed=1),
            removed=[1],
            factors_version=5,  # not the next one
            factors=b"factors",
            figures=RoundFigures(),
        )
        with pytest.raises(OmegaError) as caught:
            publish_round(conn, result, NOW)
        assert caught.value.code == ErrorCode.ROUND_CONFLICT
        assert states.current(conn).version == 1
        assert rounds.get(conn, begun.round_id).status is RoundStatus.RUNNING
    assert sorted(live(store)) == [1, 2]


def test_a_finished_round_cannot_publish_again(store: Store) -> None:
    publish(store, patterns(1))
    with leadership(store) as conn:
        result = RoundResult(
            round_id=1,
            model_version=MODEL,
            state_version=2,
            changed=patterns(1, seed=1),
            removed=(),
            factors_version=0,
            factors=b"",
            figures=RoundFigures(),
        )
        with pytest.raises(OmegaError) as caught:
            publish_round(conn, result, NOW)
    assert caught.value.code == ErrorCode.ROUND_CONFLICT
    assert sorted(live(store)) == [1]


@pytest.mark.parametrize(
    ("changed", "removed"),
    [([9], []), ([], [9]), ([1], [1])],
    ids=["changed unknown", "removed unknown", "changed and removed"],
)
def test_only_live_patterns_change_or_go(
    store: Store, changed: list[int], removed: list[int]
) -> None:
    publish(store, patterns(2))
    with pytest.raises(ValueError, match="not live"):
        publish(store, patterns(len(changed), seed=1, ids=changed), removed)
    assert sorted(live(store)) == [1, 2]


def test_live_patterns_are_bounded(store: Store) -> None:
    publish(store, patterns(MOST_PATTERNS))
    with pytest.raises(ValueError, match="at most 80"):
        publish(store, patterns(1, seed=1))
    assert publish(store, patterns(1, seed=1), [1]).patterns == MOST_PATTERNS


def test_ids_of_removed_patterns_are_never_used_again(store: Store) -> None:
    publish(store, patterns(2))
    publish(store, removed=[2])
    publish(store, patterns(1, seed=1))
    assert sorted(live(store)) == [1, 3]


def test_a_new_encoder_removes_every_earlier_pattern(store: Store) -> None:
    publish(store, patterns(2))
    publish(store, patterns(1, seed=1), model_version="other")
    assert sorted(live(store)) == [3]
    with store.snapshot() as conn:
        step = states.step(conn, 1)
    assert (step.base_version, step.state) == (0, State(2, "other"))
    assert [p.pattern_id for p in step.patterns] == [3]
    with pytest.raises(ValueError, match="not live"):
        publish(store, patterns(1, seed=2, ids=[3]))


def test_before_the_first_publication_there_is_nothing(store: Store) -> None:
    with store.snapshot() as conn:
        step = states.step(conn, 0)
    assert (step.base_version, step.state, step.patterns, step.removed) == (0, NOTHING, (), ())


@pytest.mark.parametrize("held", [2**40, KEEP_STEPS * 2])
def test_an_unknown_version_gets_everything(store: Store, held: int) -> None:
    publish(store, patterns(2))
    publish(store, removed=[1])
    with store.snapshot() as conn:
        step = states.step(conn, held)
    assert (step.base_version, step.state.version, step.removed) == (0, 2, ())
    assert [p.pattern_id for p in step.patterns] == [2]


def test_starting_points_are_forgotten_after_many_steps(store: Store) -> None:
    publish(store, patterns(3))
    publish(store, removed=[2])
    publish(store, patterns(1, seed=1, ids=[1]))
    publish(store, removed=[3])
    for seed in range(5, KEEP_STEPS + 3):
        publish(store, patterns(1, seed=seed, ids=[1]))
    with store.snapshot() as conn:
        newest = states.current(conn).version
        assert states.step(conn, newest - KEEP_STEPS).base_version == 0
        oldest = states.step(conn, newest - KEEP_STEPS + 1)
        kept = conn.execute(
            "SELECT array_agg(pattern_id ORDER BY pattern_id) FROM global_patterns"
        ).fetchone()
    assert (oldest.base_version, oldest.removed) == (3, (3,))
    assert kept == ([1, 3],)


MASKS = st.integers(0, 2**12 - 1)


def chosen(ids: Iterable[int], mask: int) -> list[int]:
    """The ids whose bit is set."""
    return [n for i, n in enumerate(sorted(ids)) if mask >> i & 1]


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(MASKS, MASKS, st.integers(0, 3)), min_size=1, max_size=5))
def test_a_step_from_any_version_reaches_the_newest(
    store: Store, rounds_of: list[tuple[int, int, int]]
) -> None:
    """The oracle keeps every version whole; a step must lead from each of them to the last."""
    with store.transaction() as conn:
        conn.execute("TRUNCATE states, rounds, global_patterns RESTART IDENTITY CASCADE")
    whole: dict[int, dict[int, Pattern]] = {0: {}}
    for seed, (remove, change, fresh) in enumerate(rounds_of):
        now = live(store)
        removed = chosen(now, remove)
        changed = chosen(set(now) - set(removed), change)
        figures = publish(
            store,
            [*patterns(len(changed), 2 * seed, ids=changed), *patterns(fresh, 2 * seed + 1)],
            removed,
        )
        if figures.state_version:
            whole[figures.state_version] = live(store)
    newest = max(whole)
    for held, before in whole.items():
        with store.snapshot() as conn:
            step = states.step(conn, held)
        assert (step.base_version, step.state.version) == (held, newest)
        assert set(step.removed) <= set(before)
        assert not any(n in before and same(before[n], p) for n, p in by_id(step.patterns).items())
        after = {n: p for n, p in before.items() if n not in step.removed}
        after |= by_id(step.patterns)
        assert sorted(after) == sorted(whole[newest])
        assert all(same(after[n], p) for n, p in whole[newest].items())


def test_the_nearest_patterns_are_found_through_the_index(store: Store) -> None:
    publish(store, patterns(MOST_PATTERNS))
    query = vectors(1, seed=99)[0]
    exact = sorted(
        ((n, float(p.embedding @ query)) for n, p in live(store).items()), key=lambda x: -x[1]
    )
    with store.snapshot() as conn:
        found = states.nearest(conn, query, 5)
        assert [n for n, _ in found] == [n for n, _ in exact[:5]]
        np.testing.assert_allclose([c for _, c in found], [c for _, c in exact[:5]], atol=2e-3)
        # On so few rows a scan is cheaper; what is held here is that the statement fits the index.
        conn.execute("SET LOCAL enable_sort = off")
        plan = states.explain_nearest(conn, query, 5)
    assert "Index Scan using global_patterns_nearest" in plan
