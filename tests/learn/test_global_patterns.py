"""Global patterns: planted tastes are found, few devices are not shown, ids go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omega_core.vectors import FloatArray, unit
from omega_learn import (
    DeviceRows,
    GlobalPattern,
    Posterior,
    device_rows,
    global_patterns,
    stable_ids,
    summarise,
)
from omega_learn.clusters import spherical_kmeans
from omega_testing.tastes import taste_world

WORLD = taste_world(groups=4, each=15)
GROUPS = np.repeat(np.arange(4), 15)


def rows_of(likes: list[list[int]], rate: float = 0.8, count: float = 2.0) -> DeviceRows:
    """Rows of devices whose likes are known for certain."""
    titles = np.array([title for row in likes for title in row], np.int32)[:, None]
    n = len(titles)
    return device_rows(
        Posterior(titles, np.ones((n, 1), np.float32)),
        np.array([len(row) for row in likes], np.int64),
        np.full(n, rate, np.float32),
        np.full(n, count, np.float32),
    )


def found_in(
    rows: DeviceRows, max_patterns: int = 48, min_devices: int = 3
) -> tuple[GlobalPattern, ...]:
    return global_patterns(
        summarise(rows, np.unique(rows.titles)),
        rows,
        WORLD.centred,
        max_patterns=max_patterns,
        min_devices=min_devices,
    )


def group_of(pattern: GlobalPattern) -> int:
    return int(GROUPS[np.argmax(WORLD.centred @ pattern.embedding)])


def test_planted_tastes_are_found_with_their_figures() -> None:
    members = [list(range(15 * g, 15 * g + 15)) for g in range(4)]
    rows = rows_of([members[0]] * 9 + [members[1]] * 5 + [members[2]] * 3 + [members[3]] * 3)
    found = found_in(rows, max_patterns=4)
    assert [group_of(p) for p in found[:2]] == [0, 1]
    assert sorted(group_of(p) for p in found) == [0, 1, 2, 3]
    assert [p.device_count_floor for p in found] == [8, 4, 2, 2]
    assert [p.weight for p in found] == pytest.approx([0.45, 0.25, 0.15, 0.15])
    assert [p.success_rate for p in found] == pytest.approx([0.8] * 4, abs=0.01)
    assert all(p.pattern_id == 0 for p in found)
    for pattern in found:
        assert np.linalg.norm(pattern.embedding) == pytest.approx(1, abs=1e-5)


def test_quality_outweighs_number() -> None:
    often = rows_of([list(range(15))] * 3, rate=0.9, count=10)
    once = rows_of([list(range(15, 30))] * 3, rate=0.7, count=1)
    found = found_in(DeviceRows.join([once, often]), max_patterns=2)
    assert [group_of(p) for p in found] == [0, 1]
    assert found[0].weight == pytest.approx(50 * 0.9 / (50 * 0.9 + 15 * 0.7), abs=0.001)


def test_a_taste_of_two_devices_is_not_shown() -> None:
    rows = rows_of([list(range(15))] * 4 + [list(range(15, 30))] * 2)
    assert [group_of(p) for p in found_in(rows)] == [0]
    assert found_in(rows, min_devices=5) == ()


def test_a_device_with_little_stake_does_not_stand_behind_a_taste() -> None:
    sure = rows_of([list(range(15))] * 2)
    hardly = device_rows(
        Posterior(np.zeros((1, 1), np.int32), np.full((1, 1), 0.4, np.float32)),
        np.array([1]),
        np.ones(1, np.float32),
        np.ones(1, np.float32),
    )
    assert found_in(DeviceRows.join([sure, hardly])) == ()


def test_at_most_as_many_as_asked_for() -> None:
    rows = rows_of([list(range(60))] * 3)
    assert len(found_in(rows, max_patterns=2)) <= 2


def test_titles_that_point_elsewhere_do_not_move_a_pattern() -> None:
    likes = [*range(12), 20, 35, 50]
    [pattern] = found_in(rows_of([likes] * 3), max_patterns=1)
    pure = unit(WORLD.centred[:12].sum(axis=0))
    assert pattern.embedding @ pure > 0.999
    assert pattern.weight == pytest.approx(12 / 15)


def test_without_quality_there_is_no_pattern() -> None:
    assert found_in(rows_of([list(range(15))] * 3, rate=0.0)) == ()


def test_a_pattern_keeps_its_id_when_it_moves() -> None:
    a, b, c = (pattern_of(g) for g in (0, 1, 2))
    before = [replace(a, pattern_id=7), replace(b, pattern_id=9)]
    moved = replace(b, embedding=unit(b.embedding + 0.02 * c.embedding), weight=0.5)
    now = stable_ids(before, [c, moved, a])
    assert [p.pattern_id for p in now] == [0, 9, 7]
    assert now[1].weight == 0.5


def test_an_unchanged_pattern_is_the_earlier_one() -> None:
    before = replace(pattern_of(0), pattern_id=7)
    nearly = replace(before, pattern_id=0, weight=before.weight * 1.01)
    assert stable_ids([before], [nearly])[0] is before


@pytest.mark.parametrize(
    "change", [{"weight": 0.3}, {"success_rate": 0.7}, {"device_count_floor": 4}]
)
def test_a_new_figure_is_news(change: dict[str, float]) -> None:
    before = replace(pattern_of(0), pattern_id=7)
    [now] = stable_ids([before], [replace(before, pattern_id=0, **change)])  # type: ignore[arg-type]  # one of three fields
    assert now is not before
    assert now.pattern_id == 7


def test_a_new_direction_is_news() -> None:
    before = replace(pattern_of(0), pattern_id=7)
    turned = unit(before.embedding + 0.1 * pattern_of(1).embedding)
    [now] = stable_ids([before], [replace(before, pattern_id=0, embedding=turned)])
    assert now.pattern_id == 7
    np.testing.assert_array_equal(now.embedding, turned)


def test_an_id_is_given_once() -> None:
    old = [replace(pattern_of(g), pattern_id=3 + g) for g in (0, 1)]
    split = [replace(pattern_of(0), weight=w) for w in (0.5, 0.4)]
    assert sorted(p.pattern_id for p in stable_ids(old, split)) == [0, 3]


def test_the_nearest_pair_is_matched_first() -> None:
    old = replace(pattern_of(0), pattern_id=3)
    near = pattern_of(0)
    far = replace(near, embedding=unit(near.embedding + 0.5 * pattern_of(1).embedding))
    assert [p.pattern_id for p in stable_ids([old], [far, near])] == [0, 3]


def test_clusters_start_from_the_last_round() -> None:
    points, weights = WORLD.centred, np.ones(60)
    first, labels = spherical_kmeans(points, weights, 4, seed=1)
    again, same = spherical_kmeans(points, weights, 4, start=first, seed=2)
    np.testing.assert_array_equal(labels, same)
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert len({tuple(labels[g == GROUPS]) for g in range(4)}) == 4


def test_fewer_distinct_points_than_clusters_is_fine() -> None:
    centroids, labels = spherical_kmeans(WORLD.centred[[0, 0, 1]], np.ones(3), 10)
    assert len(centroids) == 2
    assert labels[0] == labels[1] != labels[2]


def pattern_of(group: int) -> GlobalPattern:
    embedding: FloatArray = unit(WORLD.centred[group == GROUPS].sum(axis=0))
    return GlobalPattern(0, embedding, 0.8, 8, 0.2)
