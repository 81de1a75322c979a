"""Which pairs a TV tells next, by what the fleet published."""

from __future__ import annotations

import itertools

import pytest

from omega_brain.pair_wishes import Wish, wishes
from omega_threshold import Pair, title_key

LIKES = {rowid: f"movie:{rowid}" for rowid in range(1, 9)}
SHARES = {title_key(name): 1.0 / rowid for rowid, name in LIKES.items() if rowid <= 5}


def wished(
    known: set[tuple[int, int]], most: int = 1_000, support: dict[bytes, float] | None = None
) -> list[Wish]:
    told = SHARES if support is None else support
    return wishes(LIKES, known, most, epoch=700, support=lambda: told)


def test_titles_alone_come_first_then_pairs_of_what_the_fleet_published() -> None:
    found = wished(set())
    alone, pairs = found[: len(LIKES)], found[len(LIKES) :]
    assert {each.titles for each in alone} == {(rowid, rowid) for rowid in LIKES}
    assert {each.titles for each in pairs} == set(itertools.combinations(range(1, 6), 2))
    for each in found:
        low, high = each.titles
        assert each.pair == Pair.of(LIKES[low], LIKES[high])
    # The most liked ones first: a pair of the first two before one of the last two.
    places = [each.titles for each in pairs]
    assert places.index((1, 2)) < places.index((4, 5))


def test_before_anything_was_published_titles_go_alone() -> None:
    assert all(each.pair.alone for each in wished(set(), support={}))


def test_what_is_known_is_not_wished_again_and_no_more_than_is_asked_for() -> None:
    first = [each.titles for each in wished(set(), most=10)]
    assert len(first) == 10
    rest = [each.titles for each in wished(set(first))]
    assert first + rest == [each.titles for each in wished(set())]
    assert wished({each.titles for each in wished(set())}) == []


def test_what_the_fleet_published_is_not_looked_at_while_titles_alone_are_enough() -> None:
    def unasked() -> dict[bytes, float]:
        pytest.fail("thousands of titles would be looked at for nothing")

    assert len(wishes(LIKES, set(), len(LIKES), epoch=1, support=unasked)) == len(LIKES)
