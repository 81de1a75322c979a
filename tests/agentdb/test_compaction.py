"""Removed vectors are really gone, and a compaction never holds anybody up for long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omega_agentdb import ExactIndex, HnswIndex, RowType
from omega_agentdb.half import products
from omega_core.vectors import FloatArray, unit

MakeVectors = Callable[..., FloatArray]
D = 24


@pytest.fixture
def index(make_vectors: MakeVectors) -> HnswIndex:
    made = HnswIndex(D, m=8, exact_below=0)
    made.add(np.arange(400), make_vectors(400, dimension=D))
    return made


def test_a_compaction_goes_a_few_vectors_at_a_time(index: HnswIndex, tmp_path: Path) -> None:
    index.remove(np.arange(100))
    assert index.dead == 100
    before = index.export(tmp_path / "graph", tmp_path / "rows")
    steps = 1
    while not index.compact():
        steps += 1
        assert (index.dead, len(index)) == (100, 300)
    assert steps == -(-300 // 32)
    slots, size = index.export(tmp_path / "graph", tmp_path / "rows")
    assert (slots, index.dead) == (300, 0)
    assert size < before[1]
    assert index.compact()


def test_changes_during_a_compaction_are_kept(index: HnswIndex, make_vectors: MakeVectors) -> None:
    truth = ExactIndex(D, row_type=RowType.FLOAT16)
    truth.add(np.arange(400), make_vectors(400, dimension=D))
    fresh = make_vectors(200, seed=3, dimension=D)
    for each in (index, truth):
        each.remove(np.arange(0, 400, 4))
    assert not index.compact()
    assert not index.compact()
    for each in (index, truth):
        each.remove(np.arange(1, 400, 8))  # copied already, and not yet
        each.add(np.arange(2, 402, 2), fresh)  # the same, and removed before, and new
        each.remove(np.array([2, 6, 400]))
    while not index.compact():
        pass
    np.testing.assert_array_equal(index.ids(), truth.ids())
    np.testing.assert_array_equal(index.vectors(index.ids()), truth.vectors(truth.ids()))
    assert index.dead == 0
    for query in make_vectors(20, seed=5, dimension=D):
        expected = truth.search(query, 40)
        found = index.search(query, 40)
        assert np.isin(expected.ids, found.ids).mean() >= 0.9
        assert set(found.ids.tolist()) <= set(truth.ids().tolist())


def test_a_full_compaction_leaves_the_graph_that_a_fresh_build_gives(
    index: HnswIndex, make_vectors: MakeVectors
) -> None:
    index.remove(np.arange(0, 400, 3))
    while not index.compact():
        pass
    left = index.ids()
    fresh = HnswIndex(D, m=8, exact_below=0)
    fresh.add(left, make_vectors(400, dimension=D)[left])
    for query in make_vectors(20, seed=6, dimension=D):
        np.testing.assert_array_equal(index.search(query, 9).ids, fresh.search(query, 9).ids)


def test_changes_alone_compact_before_the_dead_outnumber_the_living(
    index: HnswIndex, make_vectors: MakeVectors
) -> None:
    rows = make_vectors(400, seed=8, dimension=D)
    worst = 0
    for turn in range(60):
        index.add(np.arange(400)[turn * 20 % 400 :][:20], rows[:20])
        worst = max(worst, index.dead)
    assert len(index) == 400
    assert worst < 600  # of 1,200 that were replaced


@pytest.mark.parametrize("row_type", list(RowType))
def test_compactions_never_move_a_vector(make_vectors: MakeVectors, row_type: RowType) -> None:
    rows = make_vectors(300, dimension=D)
    for index in (HnswIndex(D, m=8, row_type=row_type), ExactIndex(D, row_type=row_type)):
        index.add(np.arange(300), rows)
        before = index.vectors(np.arange(1, 300))
        for _ in range(3):
            index.add(np.array([0]), rows[:1])
            while not index.compact():
                pass
            np.testing.assert_array_equal(index.vectors(np.arange(1, 300)), before)


@pytest.mark.parametrize("dimension", [1, 7, 384])
def test_half_precision_products_are_exact(dimension: int) -> None:
    random = np.random.default_rng(dimension)
    rows = random.normal(size=(600, dimension)).astype(np.float16)
    rows[0], rows[1], rows[2, 0] = 0, np.float16(6e-8), -0.0  # nothing, and the least of all
    rows[3:40] *= np.float16(1e-5)
    query = unit(random.normal(size=dimension).astype(np.float32))
    exact = rows.astype(np.float64) @ query.astype(np.float64)
    scale = np.abs(rows.astype(np.float64)) @ np.abs(query) + 1e-12
    assert (np.abs(products(rows, query) - exact) / scale).max() < 1e-5
    assert products(rows[:0], query).size == 0
