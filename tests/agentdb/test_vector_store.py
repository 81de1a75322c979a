"""Vectors of programs in the process: durable, bounded, equal to a dictionary of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_agentdb import ExactIndex, HnswIndex, RowType, VectorStore
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray, unit
from omega_persistence import Database
from omega_persistence.vectors import Vectors
from omega_testing.taste_tables import START, database_of_titles, groups_of_titles

VECTORS = groups_of_titles(30, 1)
HALVES = unit(VECTORS.astype(np.float16).astype(np.float32))


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(0) as opened:
        yield opened


def opened(database: Database) -> VectorStore:
    index = ExactIndex(row_type=RowType.FLOAT16)
    return VectorStore(index, Vectors(database), ManualClock(START), 100)


def test_vectors_come_back_under_ids_of_their_own(database: Database) -> None:
    store = opened(database)
    first = store.store(VECTORS[0] * 7, {"title": "Ä"})
    second = store.store(VECTORS[1], vector_id="mine")
    assert UUID(first).version == 4
    assert second == "mine"
    held = store.get(first)
    assert held is not None
    assert (dict(held.metadata), held.stored_at) == ({"title": "Ä"}, START)
    np.testing.assert_allclose(held.vector, VECTORS[0], atol=1e-4)
    best, other = store.search(VECTORS[1], 5)
    assert (best.vector_id, other.vector_id) == ("mine", first)
    assert best.similarity == pytest.approx(1, abs=1e-4)
    assert other.metadata == {"title": "Ä"}
    assert [each.vector_id for each in store.search(VECTORS[1], 5, allowed=[first, "?"])] == [first]
    assert [each.vector_id for each in store.search(VECTORS[1], 5, min_similarity=0.9)] == ["mine"]
    assert store.get("?") is None


def test_what_is_deleted_never_comes_back(database: Database) -> None:
    store = opened(database)
    ids = [store.store(row) for row in VECTORS[:10]]
    assert store.delete(ids[3])
    assert not store.delete(ids[3])
    assert store.get(ids[3]) is None
    while not store.compact():
        pass
    for each in (store, opened(database)):
        assert len(each) == 9
        assert ids[3] not in {found.vector_id for found in each.search(VECTORS[3], 10)}


@settings(max_examples=25, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 29) | st.none()), max_size=25
    ),
    query=st.integers(0, 29),
)
def test_any_changes_leave_what_a_dictionary_holds(
    changes: list[tuple[str, int | None]], query: int
) -> None:
    held: dict[str, FloatArray] = {}
    with database_of_titles(0) as database:
        store = opened(database)
        for vector_id, row in changes:
            if row is None:
                assert store.delete(vector_id) == (held.pop(vector_id, None) is not None)
            else:
                store.store(VECTORS[row], vector_id=vector_id)
                held[vector_id] = HALVES[row]
        truth = sorted((-float(row @ VECTORS[query]), each) for each, row in held.items())
        for each in (store, opened(database)):
            found = each.search(VECTORS[query], 6)
            expected = {vector_id: -cosine for cosine, vector_id in truth}
            assert {f.vector_id: f.similarity for f in found} == pytest.approx(expected, abs=1e-4)


def test_beyond_the_bound_the_least_valuable_goes_first(database: Database) -> None:
    clock = ManualClock(START)
    store = VectorStore(ExactIndex(), Vectors(database), clock, 3)
    for name, value in (("old", 0.5), ("low", 0.1), ("new", 0.5)):
        store.store(VECTORS[0], vector_id=name, value=value)
        clock.advance(timedelta(minutes=1))
    store.store(VECTORS[1], vector_id="low", value=0.2)  # known: nobody has to go
    assert len(store) == 3
    store.store(VECTORS[2], vector_id="fourth")
    store.store(VECTORS[2], vector_id="fifth")
    for each in (store, VectorStore(ExactIndex(), Vectors(database), clock, 3)):
        assert {f.vector_id for f in each.search(VECTORS[0], 9)} == {"new", "fourth", "fifth"}


def test_what_breaks_a_bound_is_refused_whole(database: Database) -> None:
    store = opened(database)
    long = {str(i): "" for i in range(17)}
    cases: list[tuple[dict[str, object], str]] = [
        ({"vector": np.ones(383, np.float32)}, "vector"),
        ({"vector": np.full(384, np.nan, np.float32)}, "vector"),
        ({"vector_id": "a b"}, "vector_id"),
        ({"metadata": long}, "metadata"),
        ({"metadata": {"": "x"}}, "metadata"),
        ({"metadata": {"k": "x" * 1_001}}, "metadata[k]"),
        ({"value": 1.5}, "value"),
    ]
    for changes, field in cases:
        with pytest.raises(OmegaError) as refused:
            store.store(**{"vector": VECTORS[0], **changes})
        assert refused.value.field == field
    assert (len(store), Vectors(database).all()) == (0, [])


def test_clearing_forgets_all(database: Database) -> None:
    store = opened(database)
    for row in VECTORS[:5]:
        store.store(row)
    assert store.clear() == 5
    assert (len(store), store.search(VECTORS[0], 5), Vectors(database).all()) == (0, [], [])
    store.store(VECTORS[7], vector_id="again")
    assert [each.vector_id for each in store.search(VECTORS[7], 5)] == ["again"]


def test_a_graph_serves_as_well(database: Database) -> None:
    store = VectorStore(HnswIndex(exact_below=0), Vectors(database), ManualClock(START), 100)
    ids = [store.store(row) for row in VECTORS]
    for i in range(0, 30, 2):
        store.delete(ids[i])
    found = store.search(VECTORS[5], 30)
    assert {each.vector_id for each in found} == {ids[i] for i in range(1, 30, 2)}
    assert found[0].vector_id == ids[5]
