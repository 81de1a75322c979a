"""hnswlib reads past short vectors and takes NaN without a word; the index refuses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from omega_agentdb import ExactIndex, HnswIndex, VectorIndex
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray

MakeVectors = Callable[..., FloatArray]
DIMENSION = 16


@pytest.fixture(params=["exact", "graph", "graph and exact"])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    if request.param == "exact":
        return ExactIndex(DIMENSION)
    return HnswIndex(DIMENSION, exact_below=0 if request.param == "graph" else 4_096)


def ids(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("field", "bad_ids", "vectors"),
    [
        ("vectors", ids(1), np.ones((1, DIMENSION - 1), np.float32)),
        ("vectors", ids(1), np.ones((1, DIMENSION + 1), np.float32)),
        ("vectors", ids(1), np.ones((2, DIMENSION), np.float32)),
        ("vectors", ids(1), np.ones(DIMENSION, np.float32)),
        ("vectors", ids(1), np.ones((1, DIMENSION), np.int64)),
        ("vectors", ids(1), np.ones((1, DIMENSION), np.complex64)),
        ("vectors", ids(1, 2), np.ones((2, DIMENSION), np.float32) * [[1], [np.nan]]),
        ("vectors", ids(1, 2), np.ones((2, DIMENSION), np.float32) * [[1], [np.inf]]),
        ("vectors", ids(1, 2), np.ones((2, DIMENSION), np.float32) * [[1], [0]]),
        ("ids", ids(-1), np.ones((1, DIMENSION), np.float32)),
        ("ids", np.array([2**63], np.uint64), np.ones((1, DIMENSION), np.float32)),
        ("ids", np.array([1.0]), np.ones((1, DIMENSION), np.float32)),
        ("ids", np.array([[1]]), np.ones((1, DIMENSION), np.float32)),
    ],
)
def test_a_bad_row_refuses_the_whole_add(
    index: VectorIndex, field: str, bad_ids: Any, vectors: Any
) -> None:
    index.add(ids(7), np.ones((1, DIMENSION), np.float32))
    with pytest.raises(OmegaError) as refused:
        index.add(bad_ids, vectors)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, field)
    assert index.ids().tolist() == [7]


@pytest.mark.parametrize(
    "vector",
    [
        np.ones(DIMENSION - 1, np.float32),
        np.ones(1, np.float32),
        np.ones((1, DIMENSION), np.float32),
        np.zeros(DIMENSION, np.float32),
        np.full(DIMENSION, np.nan, np.float32),
    ],
    ids=["one short", "length 1", "a matrix", "zero", "nan"],
)
def test_a_bad_query_is_refused(index: VectorIndex, vector: Any) -> None:
    index.add(ids(7), np.ones((1, DIMENSION), np.float32))
    with pytest.raises(OmegaError) as refused:
        index.search(vector, 1)
    assert refused.value.field == "vector"


def test_k_below_one_and_bad_filters_are_refused(index: VectorIndex) -> None:
    query = np.ones(DIMENSION, np.float32)
    cases: list[tuple[int, Any, str]] = [
        (0, None, "k"),
        (1, ids(-1), "allowed"),
        (1, np.ones(2), "allowed"),
    ]
    for k, allowed, field in cases:
        with pytest.raises(OmegaError) as refused:
            index.search(query, k, allowed)
        assert refused.value.field == field


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_and_any_layout_means_the_same(
    index: VectorIndex, make_vectors: MakeVectors, dtype: Any
) -> None:
    rows = make_vectors(40, dimension=DIMENSION)
    scattered = np.asfortranarray(np.repeat(rows.astype(dtype), 2, axis=0)[::2])
    assert not scattered.flags.c_contiguous
    index.add(np.arange(80)[::2], scattered)
    found = index.search(rows[3].astype(dtype), 1)
    assert found.ids.tolist() == [6]
    assert found.cosines[0] == pytest.approx(1, abs=1e-3)
    assert (found.ids.dtype.str, found.cosines.dtype.str) == ("<i8", "<f4")


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1.0, 1e38])
def test_the_length_of_a_vector_does_not_matter(index: VectorIndex, scale: float) -> None:
    rows = np.eye(DIMENSION, dtype=np.float32)[:3] + 0.1
    index.add(ids(0, 1, 2), np.asarray(rows * scale / 2, np.float32))
    found = index.search(np.asarray(rows[1] * scale, np.float32), 3)
    assert found.ids[0] == 1
    assert found.cosines[0] == pytest.approx(1, abs=1e-5)


def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    query = np.ones(DIMENSION, np.float32)
    index.add(ids(), np.empty((0, DIMENSION), np.float32))
    for allowed in (None, ids(), ids(1, 2)):
        found = index.search(query, 5, allowed)
        assert (found.ids.size, found.cosines.size) == (0, 0)
    assert (len(index), index.dimension, index.remove(ids(1))) == (0, DIMENSION, 0)


@pytest.mark.parametrize("index_class", [ExactIndex, HnswIndex])
def test_a_width_out_of_bounds_is_refused(index_class: Callable[[int], VectorIndex]) -> None:
    with pytest.raises(OmegaError):
        index_class(0)
