"""Every index against a dictionary of vectors, over any interleaving of changes and searches."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from omega_agentdb import ExactIndex, HnswIndex, RowType, SearchResult, VectorIndex
from omega_core.vectors import FloatArray, unit

DIMENSION = 12
NUMBERS = st.integers(0, 60) | st.integers(0, 20).map(lambda number: 2**62 + number)
BATCHES = st.lists(st.tuples(NUMBERS, st.integers(0, 1_000)), max_size=12)


def vector(seed: int) -> FloatArray:
    row = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def as_kept(row: FloatArray, index: VectorIndex) -> FloatArray:
    """What the index's vectors are by its contract."""
    kept = index.row_type if isinstance(index, HnswIndex | ExactIndex) else RowType.FLOAT32
    return unit(row.astype(np.float16).astype(np.float32)) if kept is RowType.FLOAT16 else row


class IndexMachine(RuleBasedStateMachine):
    """A few ids that are added, replaced and removed again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, FloatArray] = {}
        self.graphs = [
            HnswIndex(DIMENSION, m=8, exact_below=0, row_type=row_type) for row_type in RowType
        ]
        self.indexes: list[VectorIndex] = [
            ExactIndex(DIMENSION),
            ExactIndex(DIMENSION, row_type=RowType.FLOAT16),
            HnswIndex(DIMENSION),
            HnswIndex(DIMENSION, row_type=RowType.FLOAT32),
            *self.graphs,
        ]

    @rule(batch=BATCHES)
    def add(self, batch: list[tuple[int, int]]) -> None:
        ids = np.array([number for number, _ in batch], np.int64)
        vectors = np.array([vector(seed) for _, seed in batch], np.float32)
        for index in self.indexes:
            index.add(ids, vectors.reshape(len(batch), DIMENSION))
        self.held.update({number: vector(seed) for number, seed in batch})

    @rule(numbers=st.lists(NUMBERS, max_size=12))
    def remove(self, numbers: list[int]) -> None:
        known = set(numbers) & self.held.keys()
        for index in self.indexes:
            assert index.remove(np.array(numbers, np.int64)) == len(known)
        for number in known:
            del self.held[number]

    @rule()
    def compact(self) -> None:
        for index in self.indexes:
            index.compact()

    @rule()
    def compact_wholly(self) -> None:
        for index in self.indexes:
            while not index.compact():
                pass
            assert isinstance(index, HnswIndex | ExactIndex)
            assert index.dead == 0

    @rule(numbers=st.lists(NUMBERS, max_size=12))
    def read_back(self, numbers: list[int]) -> None:
        known = sorted(set(numbers) & self.held.keys())
        for index in self.indexes:
            rows = index.vectors(np.array(numbers, np.int64))
            expected = [as_kept(self.held[number], index) for number in known]
            np.testing.assert_allclose(
                rows, np.reshape(expected, (len(known), DIMENSION)), atol=1e-6
            )

    @rule(seed=st.integers(0, 1_000), k=st.integers(1, 70), allowed=st.none() | st.sets(NUMBERS))
    def search(self, seed: int, k: int, allowed: set[int] | None) -> None:
        query = vector(seed)
        among = None if allowed is None else np.array(sorted(allowed, reverse=True), np.int64)
        candidates = self.held.keys() if allowed is None else self.held.keys() & allowed
        for index in self.indexes:
            truth = {
                number: float(as_kept(self.held[number], index) @ query) for number in candidates
            }
            found = index.search(query, k, among)
            self.check(found, truth, min(k, len(truth)))
            if index not in self.graphs:
                least = sorted(truth.values(), reverse=True)[: found.ids.size]
                np.testing.assert_allclose(found.cosines, least, atol=1e-5)

    @staticmethod
    def check(found: SearchResult, truth: dict[int, float], size: int) -> None:
        ids, cosines = found.ids.tolist(), found.cosines.tolist()
        assert len(ids) == len(set(ids)) == size
        assert set(ids) <= truth.keys()
        np.testing.assert_allclose(cosines, [truth[number] for number in ids], atol=1e-5)
        assert list(zip(cosines, ids, strict=True)) == sorted(
            zip(cosines, ids, strict=True), key=lambda pair: (-pair[0], pair[1])
        )

    @invariant()
    def ids_agree(self) -> None:
        for index in self.indexes:
            assert index.ids().tolist() == sorted(self.held)
            assert len(index) == len(self.held)


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
