"""Repeated reports and second identities."""

from __future__ import annotations

import numpy as np
import pytest

from omega_core.vectors import FloatArray, unit
from omega_eval.attacks.averaging import (
    APART,
    LOST,
    ONCE,
    REPEATED,
    TWINS,
    Averaging,
    averaging,
    paired,
)
from omega_eval.attacks.evidence import IntArray
from omega_eval.attacks.linkage import halves, link, two_pushes
from omega_testing.attacked import Town

SIGMA = 8.0


def other_rows(town: Town) -> FloatArray:
    """The same titles under an encoder that agrees half-way with the first."""
    rng = np.random.default_rng(8)
    noise = rng.normal(size=town.histories.embeddings.shape)
    return unit(town.histories.embeddings + 0.05 * noise.astype(np.float32))


def measured(town: Town, *, memoised: bool = True) -> Averaging:
    other = other_rows(town)
    drawn = iter(range(100, 200))

    def first(users: IntArray, titles: IntArray, draw: int) -> FloatArray:
        assert (users == town.users).all()
        assert (titles == town.truth).all()
        return town.bits(SIGMA, draw if memoised else next(drawn))

    def second(_users: IntArray, _titles: IntArray, draw: int) -> FloatArray:
        return town.bits(SIGMA, draw, other)

    return averaging(town.histories, town.users, town.truth, SIGMA, first, (other, second))


@pytest.fixture(scope="module")
def found(town: Town) -> Averaging:
    return measured(town)


def test_memoised_noise_gains_nothing_from_repetition(found: Averaging) -> None:
    assert found[REPEATED] == found[ONCE]


def test_noise_drawn_anew_does(found: Averaging, town: Town) -> None:
    names = [LOST, "noise drawn anew, 4 times", "noise drawn anew, 16 times"]
    shares = [found[ONCE].strict.value, *(found[name].strict.value for name in names)]
    assert shares == sorted(shares)
    assert shares[1] > shares[0] + 0.05
    assert shares[-1] > 0.95
    forgetful = measured(town, memoised=False)
    assert forgetful[REPEATED].strict.value > forgetful[ONCE].strict.value + 0.3


def test_one_noise_under_two_encoders_tells_more_than_two_noises(found: Averaging) -> None:
    assert found[APART].strict.value > found[ONCE].strict.value + 0.05
    assert found[TWINS].strict.value > found[APART].strict.value + 0.2


def test_twins_are_recognised_by_their_bits(town: Town) -> None:
    twins = town.bits(SIGMA, 0, other_rows(town))
    assert paired(town.bits(SIGMA, 0), twins, town.users) > 0.99
    strangers = town.bits(SIGMA, 1, other_rows(town))
    assert paired(town.bits(SIGMA, 0), strangers, town.users) < 0.3


def test_clear_reports_link_two_identities_and_noise_unlinks_them(town: Town) -> None:
    clear = link(town.evidence(0.5), town.evidence(0.5, draw=1), town.histories)
    assert (clear.success.value, clear.identities) == (1.0, 80)
    assert clear.chance == 1 / 80
    blurred = link(town.evidence(200.0), town.evidence(200.0, draw=1), town.histories)
    assert blurred.success.value < 0.08


def test_a_taste_links_other_titles_of_the_same_household(town: Town) -> None:
    before, after = halves(town.evidence(2.0))
    assert len(before) == len(after) == len(town.users) // 2
    assert not {*zip(before.users, before.truth, strict=True)} & {
        *zip(after.users, after.truth, strict=True)
    }
    found = link(before, after, town.histories)
    assert found.success.low > found.chance


def test_two_pushes_are_of_households_that_sent_two(town: Town) -> None:
    place = np.arange(len(town.users)) % 14
    pushes = town.users * 4 + np.where(town.users < 5, 0, place // 5)
    one, other = two_pushes(town.evidence(2.0), pushes.astype(np.int64))
    assert set(one.users) == set(other.users) == set(range(5, 80))
    sizes = np.bincount(one.users, minlength=80)[5:]
    assert set(sizes.tolist()) <= {4, 5}


def test_linking_needs_two_households(town: Town) -> None:
    single = town.evidence(2.0).take(town.users == 3)
    with pytest.raises(ValueError, match="two households"):
        link(single, single, town.histories)
