"""A season that was planted is found; where there is none, none is claimed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from omega_core.memory import Tier
from omega_core.viewing import ViewingEvent
from omega_memory.habits import Habits
from omega_memory.sampling import adjusted, rate_difference
from omega_memory.seasons import FALSE_SHARE, PREFIX, rhythms, seasonal_bonus
from omega_testing.remembering import Remembering

START = datetime(2024, 1, 1, 20, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
GENRES = ("Drama", "Comedy", "Horror", "Family", "Action")
Chances = Callable[[datetime], list[float]]


def level(_at: datetime) -> list[float]:
    return [0.4, 0.3, 0.1, 0.1, 0.1]


def spooky(at: datetime) -> list[float]:
    return [0.2, 0.2, 0.4, 0.1, 0.1] if at.month == 10 else level(at)


def homely(at: datetime) -> list[float]:
    return [0.1, 0.2, 0.0, 0.7, 0.0] if at.month == 12 and at.day >= 18 else level(at)


def years(seed: int, chances: Chances, days: int = 730) -> Habits:
    """Two titles an evening; every title is new."""
    rng = np.random.default_rng(seed)
    return Habits().add(
        [
            (
                ViewingEvent(
                    event_id=f"e{day}-{number}",
                    content_id=f"c{day}-{number}",
                    watch_percentage=0.9,
                    engagement_score=0.5,
                    occurred_at=(at := START + timedelta(days=day)),
                ),
                (str(rng.choice(GENRES, p=chances(at))),),
            )
            for day in range(days)
            for number in range(2)
        ]
    )


def test_a_month_of_horror_is_found_and_nothing_beside_it() -> None:
    found = rhythms(years(1, spooky), "", END)
    keys = {each.key for each in found}
    assert f"{PREFIX}month:10:Horror" in keys
    first = next(each for each in found if each.key == f"{PREFIX}month:10:Horror")
    assert 2.5 < float(first.metadata["lift"]) < 6
    assert first.text.startswith("In October Horror is watched more than else")
    assert {key.split(":")[2] for key in keys if "month:" in key} <= {"10"}


def test_the_holidays_are_found() -> None:
    keys = {each.key for each in rhythms(years(2, homely), "", END)}
    assert f"{PREFIX}holiday:Christmas:Family" in keys


def test_where_there_is_no_season_almost_none_is_claimed() -> None:
    claimed = sum(bool(rhythms(years(seed, level), "", END)) for seed in range(100, 130))
    # 5 % of 30 are 1.5; 6 or more come four times in a thousand if the rate is held.
    assert claimed <= 5


def test_nothing_is_told_before_half_a_year() -> None:
    assert rhythms(years(3, spooky, 150), "", START + timedelta(days=150)) == []


def test_an_old_season_fades() -> None:
    habits = years(1, spooky)
    assert rhythms(habits, "", END + timedelta(days=20 * 365)) == []


def test_every_rhythm_reaches_the_tier(tv: Remembering) -> None:
    found = rhythms(years(1, spooky), "", END)
    assert tv.memory.replace(Tier.TEMPORAL, "", PREFIX, found, END) == len(found) > 0
    assert all(each.importance >= 1 - FALSE_SHARE for each in found)


def test_the_season_bends_the_month_it_is_in() -> None:
    memories = rhythms(years(1, spooky), "", END)
    october = seasonal_bonus(memories, date(2026, 10, 15), ["horror", "Drama", "News"])
    assert october[0] > 0.5
    assert october[1] <= 0
    assert october[2] == 0
    assert not seasonal_bonus(memories, date(2026, 6, 15), GENRES).any()


def test_a_holiday_that_is_on_outweighs_its_month() -> None:
    memories = rhythms(years(2, homely), "", END)
    (eve,) = seasonal_bonus(memories, date(2026, 12, 24), ["Family"])
    (before,) = seasonal_bonus(memories, date(2026, 12, 2), ["Family"])
    assert eve > before >= 0


@pytest.mark.parametrize(
    ("first", "second", "p"),
    # G by hand: 2 sum O ln(O/E); 30 of 100 against 50 of 100 gives G = 8.403, p = .00375
    [((30, 100), (50, 100), 0.00375), ((5, 10), (50, 100), 1.0), ((0, 0), (0, 0), 1.0)],
)
def test_the_test_of_two_rates_is_the_likelihood_ratio(
    first: tuple[float, float], second: tuple[float, float], p: float
) -> None:
    assert rate_difference(first, second) == pytest.approx(p, abs=2e-5)


def test_p_values_are_adjusted_as_by_benjamini_and_hochberg() -> None:
    found = adjusted([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.02, 0.04, 0.04, 0.02])
