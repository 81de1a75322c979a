"""A catalogue that grew is the catalogue that would have been built at once."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.vectors import centre
from omega_rank import Catalogue
from omega_rank.catalogue import MAX_GENRE_COLUMNS
from omega_testing.ranking import random_contents, random_embeddings


def assert_equal(ours: Catalogue, theirs: Catalogue) -> None:
    for field in fields(Catalogue):
        if field.name == "room":
            continue
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == other.dtype
            np.testing.assert_array_equal(mine, other, err_msg=field.name)
        else:
            assert mine == other, field.name


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    first=st.integers(0, 15),
    grown=st.integers(0, 15),
    changed=st.integers(0, 5),
)
def test_growing_equals_building(seed: int, first: int, grown: int, changed: int) -> None:
    rng = np.random.default_rng(seed)
    contents, embeddings = list(random_contents(rng, first)), random_embeddings(rng, first)
    small = Catalogue.build(contents, embeddings, ordinals=range(first))
    again = rng.permutation(first)[:changed].tolist()
    renamed = [replace(contents[i], title="renamed", genres=("Noir",), year=1950) for i in again]
    added = list(random_contents(rng, grown, start=first))
    vectors = random_embeddings(rng, len(renamed) + grown)
    ordinals = rng.integers(-1, 50, len(vectors))
    larger = small.extended([*renamed, *added], vectors, ordinals=ordinals)
    all_ordinals = np.concatenate([np.arange(first), np.full(grown, -1)])
    everything = np.concatenate([embeddings, vectors[len(renamed) :]])
    for k, row in enumerate(again):
        contents[row], everything[row], all_ordinals[row] = renamed[k], vectors[k], ordinals[k]
    all_ordinals[first:] = ordinals[len(renamed) :]
    mean = small.centring_mean if first else None
    assert_equal(larger, Catalogue.build([*contents, *added], everything, mean, all_ordinals))


def test_embeddings_are_centred_by_the_mean_that_is_given() -> None:
    rng = np.random.default_rng(0)
    contents, embeddings = random_contents(rng, 9), random_embeddings(rng, 9)
    given_mean = embeddings[:3].mean(axis=0)
    catalogue = Catalogue.build(contents, embeddings, given_mean)
    np.testing.assert_array_equal(catalogue.embeddings, centre(embeddings, given_mean))
    own = Catalogue.build(contents, embeddings)
    np.testing.assert_allclose(own.centring_mean, embeddings.mean(axis=0), atol=1e-6)


def test_rare_genres_weigh_more_than_common_ones() -> None:
    genres = [("Drama",)] * 8 + [("Drama", "Noir")]
    contents = [Content(f"t{i}", "x", ContentKind.MOVIE, g) for i, g in enumerate(genres)]
    catalogue = Catalogue.build(contents, random_embeddings(np.random.default_rng(0), 9))
    assert catalogue.genres == ("Drama", "Noir")
    drama, noir = catalogue.genre_rows[8]
    assert noir / drama == pytest.approx(np.log(1 + 9 / 2) / np.log(1 + 9 / 10), rel=1e-5)
    assert np.hypot(drama, noir) == pytest.approx(1)


def test_only_the_most_frequent_genres_become_columns() -> None:
    contents = [
        Content(f"t{i}", "x", ContentKind.MOVIE, ("Drama", f"tag {i}"))
        for i in range(MAX_GENRE_COLUMNS + 20)
    ]
    embeddings = random_embeddings(np.random.default_rng(0), len(contents))
    catalogue = Catalogue.build(contents, embeddings)
    assert len(catalogue.genres) == catalogue.genre_rows.shape[1] == MAX_GENRE_COLUMNS
    assert "Drama" in catalogue.genres


def test_wrong_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    contents, embeddings = random_contents(rng, 4), random_embeddings(rng, 4)
    with pytest.raises(ValueError, match="appears twice"):
        Catalogue.build([contents[0], contents[0]], embeddings[:2])
    with pytest.raises(ValueError, match="embeddings of 4 titles"):
        Catalogue.build(contents, embeddings[:3])
    with pytest.raises(ValueError, match="ordinals of 4 titles"):
        Catalogue.build(contents, embeddings, ordinals=[1])
    with pytest.raises(ValueError, match="another centring mean"):
        Catalogue.build(contents, embeddings).extended(
            contents[:1], embeddings[:1], np.ones(384, np.float32)
        )


def test_appending_copies_no_embeddings_until_the_room_is_used_up() -> None:
    rng = np.random.default_rng(0)
    catalogue = Catalogue.build(random_contents(rng, 300), random_embeddings(rng, 300))
    copies = 0
    for start in range(300, 1000, 50):
        grown = catalogue.extended(
            random_contents(rng, 50, start=start), random_embeddings(rng, 50)
        )
        copies += not np.shares_memory(grown.embeddings, catalogue.embeddings)
        catalogue = grown
    assert copies == 2
    again = catalogue.extended(random_contents(rng, 1), np.zeros((1, 384), np.float32))
    assert not np.shares_memory(again.embeddings, catalogue.embeddings)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 8))
def test_no_growth_touches_a_catalogue_that_was_there_before(seed: int, steps: int) -> None:
    """Catalogues grow from any earlier one, at once or in turn, and from changed copies."""
    rng = np.random.default_rng(seed)
    catalogues = [Catalogue.build(random_contents(rng, 5), random_embeddings(rng, 5))]
    kept = [catalogues[0].embeddings.copy()]
    for step in range(steps):
        base = catalogues[rng.integers(len(catalogues))]
        if rng.random() < 0.2:
            base = replace(base, embeddings=-base.embeddings)
        count = int(rng.integers(1, 120))
        fresh = random_contents(rng, count, start=1_000 * (step + 1))
        vectors = random_embeddings(rng, count)
        expected = np.concatenate([base.embeddings, centre(vectors, base.centring_mean)])
        grown = base.extended(fresh, vectors)
        np.testing.assert_array_equal(grown.embeddings, expected)
        catalogues.append(grown)
        kept.append(expected)
        for catalogue, before in zip(catalogues, kept, strict=True):
            np.testing.assert_array_equal(catalogue.embeddings, before)
