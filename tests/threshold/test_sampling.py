"""Which pairs a TV reports in an epoch: public values and its own pairs decide, nothing else."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import Pair, title_key
from omega_threshold.sampling import ALWAYS, LONGEST_TURN, order

CONTENTS = [f"movie:{n}" for n in range(ALWAYS * 2 * LONGEST_TURN)]
SUPPORT = {title_key(content): 1 / (n + 2) for n, content in enumerate(CONTENTS)}
households = st.sets(st.sampled_from(CONTENTS[:400]), min_size=1, max_size=12)


def pairs_of(likes: Iterable[str]) -> list[Pair]:
    return [Pair.of(*both) for both in itertools.combinations_with_replacement(sorted(likes), 2)]


def due_epochs(pair: Pair, support: Mapping[bytes, float] = SUPPORT) -> list[int]:
    return [e for e in range(2 * LONGEST_TURN) if order([pair], epoch=e, support=support)]


@given(households, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_changes_nothing(
    likes: set[str], epoch: int, chance: random.Random
) -> None:
    pairs = pairs_of(likes)
    shuffled = pairs * 2
    chance.shuffle(shuffled)
    assert order(shuffled, epoch=epoch, support=SUPPORT) == order(
        pairs, epoch=epoch, support=SUPPORT
    )


@given(households, households, st.integers(0, 1000))
def test_two_tvs_take_the_pairs_that_they_share_in_the_same_epoch_and_order(
    one: set[str], other: set[str], epoch: int
) -> None:
    shared = set(pairs_of(one)) & set(pairs_of(other))
    first = [p for p in order(pairs_of(one), epoch=epoch, support=SUPPORT) if p in shared]
    second = [p for p in order(pairs_of(other), epoch=epoch, support=SUPPORT) if p in shared]
    assert first == second


@given(households, st.integers(0, 1000), st.integers(0, 60))
def test_what_was_reported_before_changes_nothing_in_the_rest(
    likes: set[str], epoch: int, reported: int
) -> None:
    found = order(pairs_of(likes), epoch=epoch, support=SUPPORT)
    assert order(found[reported:], epoch=epoch, support=SUPPORT) == found[reported:]


@given(households, st.integers(0, 1000))
def test_nothing_is_added_and_titles_alone_are_first_and_always_due(
    likes: set[str], epoch: int
) -> None:
    pairs = pairs_of(likes)
    found = order(pairs, epoch=epoch, support=SUPPORT)
    assert set(found) <= set(pairs)
    assert len(found) == len(set(found))
    assert set(found[: len(likes)]) == {p for p in pairs if p.alone}


@given(households)
def test_every_pair_of_known_titles_has_its_turn_within_the_longest(likes: set[str]) -> None:
    left = set(pairs_of(likes))
    for epoch in range(LONGEST_TURN):
        left -= set(order(pairs_of(likes), epoch=epoch, support=SUPPORT))
    assert not left


@pytest.mark.parametrize(
    ("place", "times"),
    [
        (1, 2 * LONGEST_TURN),
        (ALWAYS - 1, 2 * LONGEST_TURN),
        (ALWAYS, LONGEST_TURN),
        (2 * ALWAYS - 1, LONGEST_TURN),
        (2 * ALWAYS, LONGEST_TURN // 2),
        (len(CONTENTS) - 1, 2),
    ],
)
def test_the_rarer_a_title_the_fewer_the_epochs_of_its_pairs(place: int, times: int) -> None:
    found = due_epochs(Pair.of(CONTENTS[0], CONTENTS[place]))
    assert len(found) == times
    assert {b - a for a, b in itertools.pairwise(found)} <= {2 * LONGEST_TURN // times}


def test_pairs_of_one_turn_are_spread_over_its_epochs() -> None:
    pairs = [Pair.of(CONTENTS[n], CONTENTS[-1]) for n in range(ALWAYS)]
    assert {e for pair in pairs for e in due_epochs(pair)} == set(range(2 * LONGEST_TURN))


def test_the_most_liked_come_first() -> None:
    pairs = pairs_of(CONTENTS[:20])
    found = [p for p in order(pairs, epoch=0, support=SUPPORT) if not p.alone]
    shares = [SUPPORT[p.low] * SUPPORT[p.high] for p in found]
    assert len(found) == 190
    assert shares == sorted(shares, reverse=True)


def test_pairs_wait_for_both_titles_to_be_known() -> None:
    known, title = Pair.of(*CONTENTS[:2]), Pair.of("movie:unknown", "movie:unknown")
    unknown = [Pair.of(CONTENTS[0], f"movie:unknown-{n}") for n in range(20)]
    assert {pair.low in SUPPORT for pair in unknown} == {True, False}
    assert order([*unknown, known, title], epoch=3, support=SUPPORT) == [title, known]
    assert order([*unknown, known, title], epoch=3, support={}) == [title]


def test_an_epoch_out_of_bounds_is_refused() -> None:
    with pytest.raises(OmegaError) as refused:
        order([], epoch=-1, support={})
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "epoch")
