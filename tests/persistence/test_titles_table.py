"""The table of titles against a dictionary, and its sequence of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import pack_f16, unit
from omega_persistence import Contents, Database, StoredContent, UpsertCounts

MakeTitle = Callable[..., StoredContent]
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
CONTENTS = st.builds(
    Content,
    content_id=st.sampled_from(["a", "b", "c", "d", "e"]),
    title=WORDS,
    kind=st.sampled_from(ContentKind),
    genres=st.lists(WORDS, max_size=3).map(tuple),
    year=st.sampled_from([0, 1999, 2026]),
    country=WORDS,
    description=WORDS,
    providers=st.lists(
        st.builds(
            Provider, provider_id=WORDS, name=WORDS, availability=st.sampled_from(Availability)
        ),
        max_size=2,
    ).map(tuple),
    minimum_age=st.sampled_from([None, 0, 12]),
)


def axis(number: int) -> StoredContent:
    """A title on one axis, whose float16 form is exact."""
    return StoredContent(
        content=Content(f"c{number}", "Title", ContentKind.SERIES),
        embedding=np.eye(384, dtype=np.float32)[number],
        model_version="m",
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(
        st.lists(st.tuples(CONTENTS, st.integers(0, 3), st.none() | st.integers(0, 5)), max_size=6),
        max_size=5,
    )
)
def test_upserts_leave_what_a_dictionary_would_hold(
    database: Database, batches: list[list[tuple[Content, int, int | None]]]
) -> None:
    contents = Contents(database)
    known = {row.content.content_id: replace_row(row) for row in contents.all_rows()}
    rowids = {row.content.content_id: row.rowid for row in contents.all_rows()}
    for batch in batches:
        items = [
            StoredContent(
                content=content, embedding=axis(at).embedding, model_version="m", ordinal=ordinal
            )
            for content, at, ordinal in batch
        ]
        before = dict(known)
        for item in items:
            content_id = item.content.content_id
            held = before[content_id].ordinal if content_id in before else None
            known[content_id] = replace(
                item, ordinal=held if item.ordinal is None else item.ordinal
            )
        rev = contents.current_rev()
        counts = contents.upsert(items)
        touched = {item.content.content_id for item in items}
        added = touched - before.keys()
        updated = {i for i in touched & before.keys() if not same(before[i], known[i])}
        assert counts == UpsertCounts(
            len(added), len(updated), len(touched) - len(added) - len(updated)
        )
        changes = contents.changed_since(rev)
        assert {row.content.content_id for row in changes} == added | updated
        assert [row.rev for row in changes] == sorted({row.rev for row in changes})
    rows = {row.content.content_id: row for row in contents.all_rows()}
    assert rows.keys() == known.keys()
    for content_id, row in rows.items():
        assert same(replace_row(row), known[content_id])
        assert row.rowid == rowids.get(content_id, row.rowid)
    assert contents.count() == len(known)


def replace_row(row: StoredContent) -> StoredContent:
    return StoredContent(
        content=row.content,
        embedding=row.embedding,
        model_version=row.model_version,
        ordinal=row.ordinal,
    )


def same(one: StoredContent, other: StoredContent) -> bool:
    return one == other and np.array_equal(one.embedding, other.embedding)


def test_what_was_read_is_unchanged_when_it_is_stored_again(
    contents: Contents, make_title: MakeTitle
) -> None:
    assert contents.upsert(list(contents.all_rows())) == (0, 0, 10)
    assert contents.upsert([make_title(3)]) == (0, 0, 1)


def test_a_change_of_the_age_rating_is_an_update(contents: Contents, make_title: MakeTitle) -> None:
    title = make_title(3)
    for age, counts in ((12, (0, 1, 0)), (12, (0, 0, 1)), (0, (0, 1, 0)), (None, (0, 1, 0))):
        rev = contents.current_rev()
        rated = replace(title, content=replace(title.content, minimum_age=age))
        assert contents.upsert([rated]) == counts
        assert contents.by_ids(["c3"])["c3"].content.minimum_age == age
        assert len(contents.changed_since(rev)) == counts[1]


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros(384, np.float32),
        np.full(384, np.nan, np.float32),
        np.ones(384, np.float32),
        np.eye(383, dtype=np.float32)[0],
    ],
    ids=["zero", "nan", "not a unit vector", "short"],
)
def test_one_bad_vector_refuses_the_whole_batch(
    contents: Contents,
    make_title: MakeTitle,
    embedding: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> None:
    bad = replace(make_title(21), embedding=embedding)
    with pytest.raises(OmegaError) as refused:
        contents.upsert([make_title(20), bad])
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "embedding")
    assert contents.count() == 10


def test_embeddings_come_back_as_float16_keeps_them(
    contents: Contents, make_title: MakeTitle
) -> None:
    rowids, matrix = contents.matrix("encoder-1")
    rows = list(contents.all_rows())
    assert rowids.tolist() == [row.rowid for row in rows]
    assert matrix.shape == (10, 384)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-6)
    for row, vector in zip(rows, matrix, strict=True):
        original = make_title(int(row.content.content_id[1:])).embedding
        assert pack_f16(row.embedding) == pack_f16(original)
        np.testing.assert_allclose(vector, unit(row.embedding), atol=1e-6)


def test_a_change_of_encoder_finds_the_stale_rows(
    contents: Contents, make_title: MakeTitle
) -> None:
    stale = contents.stale("encoder-2", 4)
    assert len(stale) == 4
    rev = contents.current_rev()
    fresh = np.stack([make_title(100 + i).embedding for i in range(4)])
    rowids = np.array([row.rowid for row in stale])
    contents.set_embeddings(rowids, fresh, "encoder-2")
    assert contents.matrix("encoder-1")[0].size == 6
    np.testing.assert_array_equal(contents.matrix("encoder-2")[0], rowids)
    assert [row.rowid for row in contents.changed_since(rev)] == rowids.tolist()
    assert len(contents.stale("encoder-2", 100)) == 6


def test_embeddings_of_the_wrong_shape_are_refused(contents: Contents) -> None:
    with pytest.raises(OmegaError) as refused:
        contents.set_embeddings(np.array([1, 2]), np.eye(384, dtype=np.float32)[:1], "encoder-2")
    assert refused.value.field == "embeddings"


def test_a_whole_catalogue_takes_the_ordinals_of_titles_that_left_it(
    contents: Contents, make_title: MakeTitle
) -> None:
    contents.upsert([make_title(i, ordinal=i) for i in range(4)], replace_ordinals=True)
    rev = contents.current_rev()
    contents.upsert([make_title(i, ordinal=9 - i) for i in (2, 3, 5)], replace_ordinals=True)
    ordinals = {row.content.content_id: row.ordinal for row in contents.all_rows()}
    assert {i: o for i, o in ordinals.items() if o is not None} == {"c2": 7, "c3": 6, "c5": 4}
    changed = {row.content.content_id for row in contents.changed_since(rev)}
    assert changed == {"c0", "c1", "c2", "c3", "c5"}


def test_a_title_without_an_ordinal_keeps_the_stored_one(
    contents: Contents, make_title: MakeTitle
) -> None:
    contents.upsert([make_title(1, ordinal=5)])
    contents.upsert([make_title(1, title="Renamed")])
    row = contents.by_ids(["c1"])["c1"]
    assert (row.ordinal, row.content.title) == (5, "Renamed")


def test_titles_are_found_by_id_and_by_rowid(contents: Contents) -> None:
    found = contents.by_ids(["c2", "c7", "none", "c2"])
    assert set(found) == {"c2", "c7"}
    rowid = found["c7"].rowid
    assert contents.by_rowids([rowid, 10_000])[rowid] == found["c7"]


def test_rows_are_paged_while_others_write(contents: Contents, make_title: MakeTitle) -> None:
    contents.upsert([make_title(i) for i in range(600)])
    rows = contents.all_rows()
    first = next(rows)
    contents.upsert([make_title(1_000)])
    ids = [first.content.content_id, *(row.content.content_id for row in rows)]
    assert len(ids) == len(set(ids)) == 601
