"""How often releases are judged wrongly: simulated fleets whose households keep their habits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from omega_privacy import honesty
from omega_privacy.trial import Cell, Looks, Rules, Verdict, difference, look, side

EPSILON = 1.0
DAYS = 14
FIRST = Rules(margin=0.1)
SECOND = Rules(margin=0.05)


def new(period: int, epsilon: float, reports: int, positive: int) -> Cell:
    return Cell(candidate=True, period=period, epsilon=epsilon, reports=reports, positive=positive)


def old(period: int, epsilon: float, reports: int, positive: int) -> Cell:
    return replace(new(period, epsilon, reports, positive), candidate=False)


class Households:
    """Households whose readiness to watch differs as widely as Beta(2, 2), around a mean of 0.5."""

    def __init__(self, drawn: np.random.Generator, count: int, loss: float) -> None:
        self._drawn = drawn
        self._habit = drawn.beta(2, 2, count)
        self._loss = loss

    def day(self, mood: float) -> tuple[int, int]:
        """Reports of a day, and those that say yes."""
        rate = self._habit * (1 - 2 * self._loss) + mood
        truth = self._drawn.random(len(rate)) < rate
        honest = self._drawn.random(len(rate)) < honesty(EPSILON)
        return len(rate), int(np.sum(truth == honest))


def judged(
    seed: int, candidates: int, controls: int, loss: float, rules: Rules, pieces: int = 3
) -> tuple[Verdict, int]:
    """The first verdict of one stage, and on which day it fell; OPEN after DAYS.

    The judge looks several times a day, as reports of the day come in.
    """
    drawn = np.random.default_rng(seed)
    sides = {True: (candidates, loss), False: (controls, 0.0)}
    groups = {
        which: [Households(drawn, count // pieces, lost) for _ in range(pieces)]
        for which, (count, lost) in sides.items()
    }
    cells: list[Cell] = []
    looks = Looks()
    for day in range(DAYS):
        mood = drawn.normal(0, 0.05)
        for piece in range(pieces):
            for which, of in groups.items():
                cells.append(Cell(which, day, EPSILON, *of[piece].day(mood)))
            verdict, looks = look(cells, looks, rules)
            if verdict != Verdict.OPEN:
                return verdict, day
    return Verdict.OPEN, DAYS


def test_a_planted_bad_model_is_stopped_at_one_percent_of_a_hundred_thousand() -> None:
    verdicts = [judged(seed, 1_000, 10_000, 0.2, FIRST) for seed in range(300)]
    assert all(verdict is Verdict.WORSE for verdict, _ in verdicts)
    assert sum(day <= 1 for _, day in verdicts) >= 290


def test_an_equal_model_is_let_through_and_hardly_ever_stopped() -> None:
    first = [judged(seed, 1_000, 10_000, 0.0, FIRST)[0] for seed in range(300)]
    assert first.count(Verdict.WORSE) <= 3
    assert first.count(Verdict.PASSED) >= 295
    second = [judged(seed, 10_000, 10_000, 0.0, SECOND)[0] for seed in range(60)]
    assert second.count(Verdict.WORSE) <= 1
    assert second.count(Verdict.PASSED) >= 58


def test_a_model_that_is_worse_by_the_margin_is_hardly_ever_let_through() -> None:
    verdicts = [judged(seed, 1_000, 10_000, 0.1, FIRST)[0] for seed in range(300)]
    assert verdicts.count(Verdict.PASSED) <= 0.05 * 300


def test_looking_often_is_no_way_to_find_something() -> None:
    """Equal sides, a look after every hundredth of a day: the level holds."""
    found = [
        judged(seed, 6_000, 6_000, 0.0, replace(SECOND, margin=0.005), 60) for seed in range(40)
    ]
    assert [verdict for verdict, _ in found].count(Verdict.WORSE) <= 1


def test_a_look_without_new_reports_spends_nothing_and_repeats_the_last() -> None:
    cells = [new(1, EPSILON, 1_000, 500), old(1, EPSILON, 1_000, 500)]
    verdict, looks = look(cells, Looks(), replace(FIRST, margin=0.3))
    assert (verdict, looks.count) == (Verdict.PASSED, 1)
    assert look(cells, looks, FIRST) == (Verdict.PASSED, looks)


def test_nothing_is_found_before_both_sides_have_reports_of_one_day() -> None:
    apart = [new(1, EPSILON, 5_000, 0), old(2, EPSILON, 5_000, 5_000)]
    assert look(apart, Looks(), FIRST) == (Verdict.OPEN, Looks())
    assert look([], Looks(), FIRST) == (Verdict.OPEN, Looks())
    few = [new(1, EPSILON, 199, 0), old(1, EPSILON, 5_000, 5_000)]
    assert look(few, Looks(), FIRST) == (Verdict.OPEN, Looks())


def test_days_are_compared_with_themselves() -> None:
    """Half of the candidates report on a day when everybody watches: it is no merit of theirs."""
    p = honesty(EPSILON)

    def yes(reports: int, rate: float) -> int:
        return round(reports * (rate * p + (1 - rate) * (1 - p)))

    cells = [
        new(1, EPSILON, 1_000, yes(1_000, 0.2)),
        new(2, EPSILON, 9_000, yes(9_000, 0.8)),
        old(1, EPSILON, 9_000, yes(9_000, 0.2)),
        old(2, EPSILON, 1_000, yes(1_000, 0.8)),
    ]
    found = difference(cells)
    assert found is not None
    assert abs(found[0]) < 2e-3


def test_the_error_is_a_bound_whatever_households_repeat() -> None:
    """Households that say the same each day: the stated error is no smaller than the true one."""
    drawn = np.random.default_rng(4)
    households, times = 500, 400
    estimates, stated = [], 0.0
    for _ in range(times):
        truth = drawn.random(households) < 0.5
        cells = []
        for day in range(10):
            honest = drawn.random(households) < honesty(EPSILON)
            cells.append(new(day, EPSILON, households, int(np.sum(truth == honest))))
        told = side(cells, candidate=True)
        estimates.append(told.estimate)
        stated = told.error
    assert np.std(estimates) < 1.1 * stated
    assert math.isclose(np.mean(estimates), 0.5, abs_tol=5 * stated / math.sqrt(times))


def test_reports_under_another_epsilon_count_by_what_they_tell() -> None:
    cells = [new(1, 3.0, 1_000, 950), new(1, 0.1, 1_000, 0)]
    told = side(cells, candidate=True)
    alone = side(cells[:1], candidate=True)
    assert told.reports == 2_000
    assert abs(told.estimate - alone.estimate) < 0.1


@pytest.mark.parametrize(
    "field", [{"margin": 0.0}, {"least_reports": 1}, {"false_alarm": 0.5}, {"false_pass": 1.0}]
)
def test_rules_are_held_to_their_bounds(field: dict[str, float]) -> None:
    with pytest.raises(Exception, match=next(iter(field))):
        Rules(**field)  # type: ignore[arg-type]  # by name
