"""The +5 test and membership inference."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_eval.attacks.alternating import alternating
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.membership import membership
from omega_eval.attacks.plus_five import PlusFive, plus_five
from omega_learn import DeviceRows, Factors, count_support, fit_factors, summarise
from omega_learn.rows import UNIT
from omega_testing.attacked import Town


def factors(liked: FloatArray, lam: float = 5.0) -> Factors:
    """What a fleet without any noise would give out."""
    users, titles = np.nonzero(liked)
    stakes = np.full(len(users), UNIT, np.uint16)
    starts = np.searchsorted(users, np.arange(len(liked) + 1)).astype(np.int64)
    rows = DeviceRows(starts, titles.astype(np.int32), stakes, stakes, stakes)
    held = np.flatnonzero(count_support(rows, liked.shape[1]) >= 3).astype(np.int32)
    prior = liked.sum(axis=0)[held].astype(np.float32)
    return fit_factors(summarise(rows, held), prior, lam=lam, rank=32)


def measured(town: Town, sigma: float) -> PlusFive:
    evidence = town.evidence(sigma)
    read = alternating(evidence, town.histories)
    return plus_five(town.histories, factors(town.histories.liked), evidence, read)


def test_clear_reports_name_a_sixth_like(town: Town) -> None:
    found = measured(town, 0.5)
    assert found.reports.value > 0.98
    assert found.reports.low > found.nobody.high
    assert found.nobody.value > found.popularity.value
    assert found.published.value < found.reports.low


def test_reports_under_huge_noise_add_nothing(town: Town) -> None:
    found = measured(town, 200.0)
    assert found.reports.value == pytest.approx(found.published.value, abs=0.08)


def test_known_likes_are_no_guesses() -> None:
    liked = np.zeros((10, 8), np.float32)
    liked[:, :6] = 1
    histories = Histories(liked, np.eye(8, 384, dtype=np.float32))
    town = Town(histories, *(part.astype(np.int64) for part in np.nonzero(liked)))
    found = measured(town, 0.5)
    assert found.popularity.value == found.reports.value == 1


def test_it_needs_somebody_with_six_likes(town: Town) -> None:
    few = np.zeros_like(town.histories.liked)
    few[:, :5] = 1
    with pytest.raises(ValueError, match="six likes"):
        plus_five(
            Histories(few, town.histories.embeddings),
            factors(few),
            town.evidence(5.0),
            np.zeros((len(town.users), 240), np.float32),
        )


def test_members_of_a_small_clear_fleet_are_told_apart(town: Town) -> None:
    liked = town.histories.liked

    def learn(members: NDArray[np.bool_]) -> Factors:
        return factors(liked * members[:, None])

    found = membership(liked, learn)
    assert found.households == 40
    assert found.auc.low > 0.6
    assert found.advantage.low > 0.1


def test_a_model_of_others_says_nothing_of_membership(town: Town) -> None:
    liked = town.histories.liked
    others = np.random.default_rng(4).permuted(liked, axis=0)
    calls = iter(range(10))

    def learn(_members: NDArray[np.bool_]) -> Factors:
        rng = np.random.default_rng(next(calls))
        return factors(others[rng.permutation(len(others))[:40]])

    found = membership(liked, learn)
    assert found.auc.low < 0.5 < found.auc.high
    assert found.auc.value == pytest.approx(0.5, abs=0.08)
    assert found.advantage.low < 0 < found.advantage.high
