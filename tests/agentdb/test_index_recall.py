"""The graph finds what the exact index finds, before and after heavy change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omega_agentdb import ExactIndex, HnswIndex, VectorIndex
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray

MakeVectors = Callable[..., FloatArray]
N, K = 2_500, 50


@pytest.fixture(scope="module")
def vectors(make_vectors: MakeVectors) -> FloatArray:
    return make_vectors(N)


@pytest.fixture(scope="module")
def queries(make_vectors: MakeVectors) -> FloatArray:
    return make_vectors(60, seed=1)


@pytest.fixture(scope="module")
def exact(vectors: FloatArray) -> ExactIndex:
    index = ExactIndex()
    index.add(np.arange(N), vectors)
    return index


@pytest.fixture(scope="module")
def graph(vectors: FloatArray) -> HnswIndex:
    """Never changed by a test."""
    index = HnswIndex(exact_below=0)
    index.add(np.arange(N), vectors)
    return index


def recall(
    index: VectorIndex,
    truth: VectorIndex,
    queries: FloatArray,
    allowed: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None,
) -> float:
    shares = []
    for query in queries:
        expected = truth.search(query, K, allowed).ids
        found = index.search(query, K, allowed).ids
        assert found.size == expected.size
        shares.append(np.isin(expected, found).mean())
    return float(np.mean(shares))


def test_the_graph_finds_nearly_all(
    graph: HnswIndex, exact: ExactIndex, queries: FloatArray
) -> None:
    assert recall(graph, exact, queries) >= 0.97


@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_a_filtered_walk_finds_nearly_all(
    graph: HnswIndex, exact: ExactIndex, queries: FloatArray, share: float
) -> None:
    allowed = np.random.default_rng(2).choice(N, int(N * share), replace=False)
    assert recall(graph, exact, queries, allowed) >= 0.97


def test_few_candidates_are_searched_exactly(
    vectors: FloatArray, exact: ExactIndex, queries: FloatArray
) -> None:
    index = HnswIndex(exact_below=N)
    index.add(np.arange(N), vectors)
    assert recall(index, exact, queries) == 1
    assert recall(index, exact, queries, np.arange(0, N, 7)) == 1


def test_replacing_and_removing_most_vectors_keeps_recall(
    vectors: FloatArray, queries: FloatArray, make_vectors: MakeVectors
) -> None:
    index, truth = HnswIndex(exact_below=0), ExactIndex()
    fresh = make_vectors(N, seed=3)
    for each in (index, truth):
        each.add(np.arange(N), vectors)
        for start in range(0, N, 250):
            each.add(np.arange(start, start + 250), fresh[start : start + 250])
        each.remove(np.arange(0, N, 3))
    assert recall(index, truth, queries) >= 0.97
    assert not np.isin(index.search(queries[0], N).ids % 3, 0).any()


def test_the_dead_do_not_pile_up(make_vectors: MakeVectors, tmp_path: Path) -> None:
    index = HnswIndex(32, m=8, exact_below=0)
    rows = make_vectors(300, dimension=32)
    for _ in range(12):
        index.add(np.arange(300), rows)
    slots, size = index.export(tmp_path / "graph", tmp_path / "rows")
    assert slots <= 300 + 300
    index.remove(np.arange(299))
    assert index.search(rows[0], 5).ids.tolist() == [299]
    assert index.export(tmp_path / "graph", tmp_path / "rows")[1] < size


def test_equal_input_gives_an_equal_graph(vectors: FloatArray, queries: FloatArray) -> None:
    found = []
    for _ in range(2):
        index = HnswIndex(m=6, ef_construction=20, ef=10, exact_below=0)
        index.add(np.arange(600), vectors[:600])
        found.append([index.search(query, 10).ids.tolist() for query in queries])
    assert found[0] == found[1]


def test_equal_cosines_come_in_the_order_of_their_ids() -> None:
    row = np.ones((1, 8), np.float32)
    for index in (ExactIndex(8), HnswIndex(8), HnswIndex(8, exact_below=0)):
        for number in (5, 3, 9, 1):
            index.add(np.array([number]), row)
        assert index.search(row[0], 4).ids.tolist() == [1, 3, 5, 9]
    exact = ExactIndex(8)
    for number in reversed(range(50)):
        exact.add(np.array([number]), row)
    for allowed in (None, np.arange(50)):
        assert exact.search(row[0], 3, allowed).ids.tolist() == [0, 1, 2]


def test_building_with_threads_finds_as_much(
    vectors: FloatArray, exact: ExactIndex, queries: FloatArray
) -> None:
    index = HnswIndex(exact_below=0, build_threads=2)
    index.add(np.arange(N), vectors)
    assert recall(index, exact, queries) >= 0.97


def test_vectors_that_the_graph_does_not_reach_are_found(vectors: FloatArray) -> None:
    index = HnswIndex(m=2, ef_construction=8, ef=8, exact_below=0)
    index.add(np.arange(N), vectors)
    assert np.sort(index.search(vectors[0], N).ids).tolist() == list(range(N))
    for start in range(0, 100, 10):
        allowed = np.arange(start, start + 10)
        assert np.sort(index.search(vectors[0], 10, allowed).ids).tolist() == allowed.tolist()


def test_vectors_can_be_read_back(graph: HnswIndex, vectors: FloatArray) -> None:
    np.testing.assert_allclose(graph.vectors(np.array([9, 3, 99_999])), vectors[[3, 9]], atol=1e-4)


def test_a_broader_search_finds_more_on_the_same_graph() -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(4_000, 384)).astype(np.float32)
    index = HnswIndex(m=4, ef_construction=16, exact_below=0)
    index.add(np.arange(4_000), vectors)
    exact = ExactIndex()
    exact.add(np.arange(4_000), vectors)
    queries = rng.normal(size=(20, 384)).astype(np.float32)
    true = [set(exact.search(query, 10).ids.tolist()) for query in queries]

    def found(ef: int) -> int:
        index.use_ef(ef)
        assert index.ef == ef
        lists = [set(index.search(query, 10).ids.tolist()) for query in queries]
        return sum(len(one & other) for one, other in zip(lists, true, strict=True))

    narrow, broad = found(10), found(1_000)
    assert narrow < broad
    assert found(10) == narrow
    with pytest.raises(OmegaError, match="ef"):
        index.use_ef(0)
