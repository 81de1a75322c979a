"""Titles: dense ordinals that never change, one encoder, and what counts as a change."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, contents
from omega_store.contents import EmbeddedContent, UpsertCounts
from omega_testing.fleet import MODEL, NOW, titles, vectors


def put(
    store: Store, rows: list[EmbeddedContent], *, model_version: str = MODEL, version: int = 0
) -> UpsertCounts:
    with store.transaction() as conn:
        return contents.upsert(
            conn, rows, model_version=model_version, catalogue_version=version, now=NOW
        )


def read(store: Store) -> list[contents.CatalogueRow]:
    with store.snapshot() as conn:
        return list(contents.catalogue(conn))


def test_titles_come_back_whole_and_in_order(store: Store) -> None:
    rows = titles(30)
    assert put(store, rows[:20]) == UpsertCounts(20, 0, 0)
    assert put(store, rows[20:]) == UpsertCounts(10, 0, 0)
    found = read(store)
    assert [row.ordinal for row in found] == list(range(30))
    assert [row.content for row in found] == [row.content for row in rows]
    np.testing.assert_array_equal(
        np.stack([row.embedding for row in found]), np.stack([row.embedding for row in rows])
    )


def test_counts_tell_new_changed_and_equal_titles_apart(store: Store) -> None:
    rows = titles(4)
    put(store, rows)
    retitled = dataclasses.replace(
        rows[1], content=dataclasses.replace(rows[1].content, title="Other")
    )
    moved = dataclasses.replace(rows[2], embedding=vectors(1, seed=9)[0])
    fresh = titles(5)[4]
    assert put(store, [fresh, rows[0], moved, retitled]) == UpsertCounts(1, 2, 1)
    found = read(store)
    assert [row.content.content_id for row in found] == [f"t{i}" for i in range(5)]
    assert found[1].content.title == "Other"
    np.testing.assert_array_equal(found[2].embedding, moved.embedding)


def test_an_age_rating_is_kept_and_a_change_of_it_is_news(store: Store) -> None:
    row = titles(1)[0]
    rated = [
        dataclasses.replace(row, content=dataclasses.replace(row.content, minimum_age=age))
        for age in (None, 0, 21, None)
    ]
    for one in rated:
        assert put(store, [one]).unchanged == 0
        assert put(store, [one]) == UpsertCounts(0, 0, 1)
        assert [found.content.minimum_age for found in read(store)] == [one.content.minimum_age]


def test_two_encoders_never_meet(store: Store) -> None:
    put(store, titles(2))
    with pytest.raises(OmegaError) as caught:
        put(store, titles(3)[2:], model_version="other")
    assert caught.value.code == ErrorCode.ENCODER_MISMATCH
    assert (caught.value.field, caught.value.bound) == ("model_version", MODEL)
    assert len(read(store)) == 2


def test_changes_are_news_until_their_version_is_published(store: Store) -> None:
    put(store, titles(2), version=0)
    with store.transaction() as conn:
        assert contents.changed_since(conn, 0)
        assert not contents.changed_since(conn, 1)
    put(store, titles(2), version=1)
    with store.transaction() as conn:
        assert not contents.changed_since(conn, 1)
    put(store, titles(3), version=1)
    with store.transaction() as conn:
        assert contents.changed_since(conn, 1)


def test_a_frozen_mean_never_changes(store: Store) -> None:
    first, second = vectors(2)
    with store.transaction() as conn:
        assert contents.frame(conn, MODEL) is None
        np.testing.assert_array_equal(contents.freeze_frame(conn, MODEL, first, NOW), first)
        np.testing.assert_array_equal(contents.freeze_frame(conn, MODEL, second, NOW), first)
        np.testing.assert_array_equal(contents.freeze_frame(conn, "other", second, NOW), second)


def test_concurrent_upserts_keep_ordinals_dense(store: Store) -> None:
    rows = titles(80)
    start = threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait()
        return put(store, rows[worker * 10 : worker * 10 + 15]).added

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 80
    found = read(store)
    assert [row.ordinal for row in found] == list(range(80))
    assert {row.content.content_id for row in found} == {f"t{i}" for i in range(80)}


def test_a_catalogue_is_bounded(store: Store) -> None:
    put(store, titles(1))
    with store.transaction() as conn:
        # As if it were full.
        conn.execute("UPDATE contents SET ordinal = %s", (limits.MAX_CATALOGUE - 1,))
    with pytest.raises(OmegaError, match=f"at most {limits.MAX_CATALOGUE:,} titles"):
        put(store, titles(2))
