"""Lists by exact search alone, and popular lists for the day when nothing else works."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_rank import Basis, Catalogue, PopularTitle, Ranked, Term, popular, quick
from omega_testing.ranking import make_world


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(1, 40),
    masked=st.booleans(),
    page=st.integers(1, 90),
)
def test_quick_is_every_open_title_by_cosine_with_reasons_that_hold(
    seed: int, viewings: int, masked: bool, page: int
) -> None:
    world = make_world(seed, viewings=viewings)
    taste, seen = world.history.taste_vector(), world.history.seen
    mask = np.random.default_rng(seed).random(80) < 0.5 if masked else None
    titles: list[Ranked] = []
    for offset in range(0, 80, page):
        ranking = quick(
            world.catalogue, 3 * taste, seen, limit=page, offset=offset, candidates=mask
        )
        assert ranking.basis is Basis.PERSONAL
        titles += ranking.titles
    if not taste.any():
        assert titles == []
        return
    cosine = world.catalogue.embeddings.astype(np.float64) @ taste
    open_rows = [row for row in range(80) if not seen[row] and (mask is None or mask[row])]
    assert sorted(t.row for t in titles) == open_rows
    scores = [t.score for t in titles]
    assert scores == sorted(scores, reverse=True)
    for ranked in titles:
        assert ranked.score == pytest.approx((1 + cosine[ranked.row]) / 2, abs=1e-5)
        assert ranked.because == ()
        content = world.contents[ranked.row]
        if ranked.reason_term is Term.CONTENT:
            assert cosine[ranked.row] > -1e-6
            assert ranked.reason == "Like what you watch"
        else:
            assert cosine[ranked.row] < 1e-6
            known = [*content.genres, str(content.year), "From the catalogue"]
            assert any(fact in ranked.reason for fact in known)


def test_quick_of_nothing_is_empty() -> None:
    world, empty = make_world(1), Catalogue.build((), np.empty((0, 384), np.float32))
    seen, taste = world.history.seen, world.history.taste_vector()
    assert quick(world.catalogue, np.zeros(384, np.float32), seen, limit=5).titles == ()
    assert quick(empty, taste, np.empty(0, np.bool_), limit=5).titles == ()
    assert quick(world.catalogue, taste, np.ones(80, np.bool_), limit=5).titles == ()


def test_quick_refuses_masks_of_other_titles() -> None:
    world = make_world(1)
    taste, seen = world.history.taste_vector(), world.history.seen
    with pytest.raises(ValueError, match="shape"):
        quick(world.catalogue, taste, seen[:-1], limit=5)
    with pytest.raises(ValueError, match="shape"):
        quick(world.catalogue, taste, seen, limit=5, candidates=seen[:-1])


def shipped(*numbers: int) -> list[PopularTitle]:
    """A list in its order; those from 100 on are in no catalogue."""
    return [
        PopularTitle(Content(f"t{i}", f"Shipped {i}", ContentKind.MOVIE), 1 - place / 100)
        for place, i in enumerate(numbers)
    ]


def ids(titles: list[PopularTitle], limit: int = 50, **asked: object) -> list[str]:
    ranking = popular(titles, limit=limit, **asked)  # type: ignore[arg-type]  # see popular
    assert ranking.basis is Basis.POPULAR
    return [ranked.content.content_id for ranked in ranking.titles]


def test_a_popular_list_needs_neither_catalogue_nor_history() -> None:
    titles = shipped(7, 103, 2)
    ranking = popular(titles, limit=10)
    assert [r.content.content_id for r in ranking.titles] == ["t7", "t103", "t2"]
    assert [r.score for r in ranking.titles] == [1.0, 0.99, 0.98]
    for ranked in ranking.titles:
        assert (ranked.row, ranked.reason_term) == (-1, Term.METADATA)
        assert ranked.reason == "On the list of popular titles"
    empty = Catalogue.build((), np.empty((0, 384), np.float32))
    assert ids(titles, catalogue=empty, seen=np.empty(0, np.bool_)) == ["t7", "t103", "t2"]
    assert ids([]) == []


def test_a_popular_list_leaves_out_what_was_seen_or_may_not_appear() -> None:
    world = make_world(1, viewings=0)
    row_of = world.catalogue.row_of
    seen, mask = np.zeros(80, np.bool_), np.ones(80, np.bool_)
    seen[row_of["t7"]] = True
    mask[row_of["t2"]] = False
    titles, catalogue = shipped(7, 103, 2, 9), world.catalogue
    assert ids(titles, catalogue=catalogue, seen=seen) == ["t103", "t2", "t9"]
    # Nothing says that a title which the catalogue lacks passes a filter over its rows.
    assert ids(titles, catalogue=catalogue, seen=seen, candidates=mask) == ["t9"]
    assert ids(titles, excluded={"t7", "t103"}) == ["t2", "t9"]
    ranking = popular(titles, limit=9, catalogue=catalogue)
    assert [r.row for r in ranking.titles] == [row_of["t7"], -1, row_of["t2"], row_of["t9"]]


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 30), page=st.integers(1, 12))
def test_pages_of_a_popular_list_tile_it(count: int, page: int) -> None:
    titles = shipped(*range(100, 100 + count))
    paged = [i for offset in range(0, 40, page) for i in ids(titles, page, offset=offset)]
    assert paged == [title.content.content_id for title in titles]
