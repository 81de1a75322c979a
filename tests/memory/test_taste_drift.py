"""A taste that was moved is found to have moved; one that was not is not."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from omega_core.memory import Tier
from omega_core.vectors import FloatArray, unit
from omega_memory.trajectory import (
    DRIFT_PREFIX,
    SIGNIFICANCE,
    TasteTitle,
    drift,
    drift_memory,
    recency_half_life,
    snapshot,
    snapshot_memory,
)
from omega_testing.remembering import MODEL, Remembering

NOW = datetime(2031, 1, 1, tzinfo=UTC)
GENRES = ("Drama", "Comedy", "Horror", "Family")


def titles(
    seed: int, n: int, chances: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1), lean: float = 0.0
) -> list[TasteTitle]:
    """Titles drawn by genre, whose vectors lean one way."""
    rng = np.random.default_rng(seed)
    towards = np.zeros(384, np.float32)
    towards[0] = lean
    return [
        TasteTitle(
            f"t{seed}-{i}",
            (str(rng.choice(GENRES, p=chances)),),
            unit(rng.normal(size=384).astype(np.float32) / 384**0.5 + towards),
        )
        for i in range(n)
    ]


def test_a_change_of_genres_is_found() -> None:
    report = drift("2029", titles(1, 120), "2030", titles(2, 120, (0.1, 0.2, 0.3, 0.4)))
    assert report.significant
    assert 0.05 < report.divergence < 1


def test_a_change_within_the_genres_is_found() -> None:
    report = drift("2029", titles(1, 120), "2030", titles(2, 120, lean=0.5))
    assert report.significant
    assert report.turn > 0.5


def test_a_taste_that_stands_still_is_not_said_to_move() -> None:
    claimed = sum(
        drift("a", titles(seed, 40), "b", titles(seed + 500, 40)).significant
        for seed in range(100, 125)
    )
    # 1 % of 25 is a quarter; 3 or more come twice in a thousand times.
    assert claimed <= 2


def test_too_few_titles_show_nothing() -> None:
    report = drift("a", titles(1, 9, (1, 0, 0, 0)), "b", titles(2, 90, (0, 0, 0, 1)))
    assert (report.p_value, report.significant) == (1.0, False)


def test_equal_input_gives_equal_reports_whatever_its_order() -> None:
    first, second = titles(1, 50), titles(2, 50)
    assert drift("a", first, "b", second) == drift("a", first[::-1], "b", second[::-1])


def test_distances_by_hand() -> None:
    x, y = np.eye(384, dtype=np.float32)[:2]
    earlier = [TasteTitle(f"a{i}", ("Drama",), x) for i in range(20)]
    later = [TasteTitle(f"b{i}", ("Drama", "Comedy"), y) for i in range(20)]
    report = drift("a", earlier, "b", later)
    # Shares (1, 0) and (1/2, 1/2), middle (3/4, 1/4): (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2.
    by_hand = (np.log2(4 / 3) + 0.5 * np.log2(2 / 3) + 0.5) / 2
    assert report.divergence == pytest.approx(by_hand, abs=1e-6)
    assert report.turn == pytest.approx(1.0, abs=1e-6)
    assert report.p_value == 0.002


def test_long_histories_are_thinned() -> None:
    report = drift("a", titles(1, 2_500), "b", titles(2, 30))
    assert report.titles == 2_030


def test_a_snapshot_holds_shares_and_the_middle(tv: Remembering) -> None:
    x, y = np.eye(384, dtype=np.float32)[:2]
    taken = snapshot("2030", [TasteTitle("a", ("A", "B"), x), TasteTitle("b", ("B",), y)])
    assert taken.genres == {"A": 0.25, "B": 0.75}
    np.testing.assert_allclose(taken.centroid[:2], [0.5**0.5] * 2, atol=1e-6)
    memory = snapshot_memory(taken, "anna", MODEL, NOW)
    assert memory.text == "Taste of 2030: B 75%, A 25%."
    assert tv.memory.store(memory, NOW)
    found = tv.memory.get(Tier.EVOLUTIONARY, "taste:2030", NOW, "anna")
    assert found is not None
    assert found.embedding is not None


def test_a_year_without_titles_is_a_snapshot_too(tv: Remembering) -> None:
    memory = snapshot_memory(snapshot("2030", []), "", MODEL, NOW)
    assert memory.text == "Taste of 2030: nothing watched."
    assert tv.memory.store(memory, NOW)


def test_only_a_drift_that_was_found_shortens_the_half_life(tv: Remembering) -> None:
    still = drift_memory(drift("2028", titles(1, 60), "2029", titles(501, 60)), "", NOW)
    moved_report = drift("2029", titles(1, 120), "2030", titles(2, 120, (0.1, 0.2, 0.3, 0.4)))
    moved = drift_memory(moved_report, "", NOW)
    assert moved_report.p_value <= SIGNIFICANCE
    assert recency_half_life([], 20.0) == 20.0
    assert recency_half_life([still], 20.0) == 20.0
    expected = 20.0 * (1 - moved_report.divergence**0.5)
    assert recency_half_life([still, moved], 20.0) == pytest.approx(expected, abs=0.01)
    assert tv.memory.store(moved, NOW)
    assert tv.memory.named(Tier.EVOLUTIONARY, DRIFT_PREFIX, NOW)[0].text == (
        "From 2029 to 2030 the taste has moved."
    )


def test_a_half_life_is_never_cut_below_a_quarter() -> None:
    x: FloatArray = np.eye(384, dtype=np.float32)[0]
    earlier = [TasteTitle(f"a{i}", ("Drama",), x) for i in range(20)]
    later = [TasteTitle(f"b{i}", ("Comedy",), -x) for i in range(20)]
    report = drift("a", earlier, "b", later)
    assert (report.divergence, report.turn) == pytest.approx((1, 2))
    assert recency_half_life([drift_memory(report, "", NOW)], 20.0) == 5.0
