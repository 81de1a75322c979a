"""Quality, attacks and bytes of a fleet that reports pairs, by threshold and days of reporting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from omega_eval.attacks.outcome import Outcome
from omega_eval.attacks.plus_five import PlusFive
from omega_eval.federation import sent
from omega_eval.messages import device_sketches
from omega_eval.metrics import Ratio, ratio
from omega_eval.policies import DEFAULT, named
from omega_eval.quality import Study
from omega_eval.threshold.attacking import (
    histories_of,
    plus_five_of_pairs,
    without_information,
)
from omega_eval.threshold.opening import Opening
from omega_eval.threshold.orders import ORDERS, SHIPPED
from omega_eval.threshold.reporting import REPORT_COST, Budget, Likes, Told, at_once, told
from omega_eval.threshold.teaching import Taught, lists, teach
from omega_learn import DeviceSketches, LearnConfig

_WEEK = 7


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    thresholds: tuple[int, ...] = (3, 5, 10)
    """Reports that open a pair, 2 to 32 each."""
    days: tuple[int, ...] = (7, 28, 90, 180, 365)
    """Days of reporting, at least 1 each; everything at once is measured beside them."""
    budget: Budget = field(default_factory=Budget)
    """Of a TV."""
    order: str = SHIPPED
    """In which order TVs report, of ORDERS."""
    attacks: bool = True
    """Whether the +5 test is run."""
    joining: int = 0
    """Days over which TVs begin to report; 0 = all on the first."""
    mixed: bool = False
    """Whether a fleet of which each second TV sketches is measured too, at the last of `days`."""


@dataclass(frozen=True)
class Point:
    """One threshold after some days."""

    threshold: int
    """Reports that open a pair."""
    days: int | None
    """Of reporting; None = everything at once, in one epoch."""
    mixed: bool
    """Whether each second TV sketches."""
    against_ease: Ratio
    """NDCG@10 of the product's lists over EASE's."""
    against_popularity: Ratio
    """The same over popularity's."""
    nothing: Outcome
    """What can be said of single reports: the attacker without information."""
    plus_five: PlusFive | None
    """The +5 test, where it was run and something is open."""
    open: int
    """Pairs and titles that are open."""
    reports: int
    """Sent by all TVs."""
    lost: int
    """Reports that were still sealed when their epoch closed."""
    first_week: float
    """Bytes that a household moves in its first seven days, mean."""
    first_epoch: float
    """The same in its first epoch."""
    last_week: float
    """The same in the last seven days."""


def measure(
    study: Study,
    plan: Plan,
    config: LearnConfig | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Point]:
    """Every point, by threshold and days."""
    likes = Likes.of(study.world, study.fleet)
    found = []
    for threshold in plan.thresholds:
        desk = _Desk(study, plan, threshold, config)
        say(f"t = {threshold}: {max(plan.days)} days of reports")
        sent_reports = desk.told(likes, max(plan.days))
        for days in plan.days:
            say(f"t = {threshold}: the model after {days} days")
            found.append(desk.point(likes, sent_reports.until(days), days))
        say(f"t = {threshold}: everything at once")
        found.append(desk.point(likes, at_once(likes), None))
        if plan.mixed:
            say(f"t = {threshold}: half of the TVs sketch")
            found.append(desk.mixed(likes, max(plan.days)))
    return found


class _Desk:
    """What all points of one threshold share."""

    def __init__(
        self, study: Study, plan: Plan, threshold: int, config: LearnConfig | None
    ) -> None:
        self._study, self._plan, self._threshold = study, plan, threshold
        self._config = config
        self._histories = histories_of(study.world)

    def told(self, likes: Likes, days: int) -> Told:
        """The fleet's reports."""
        plan = self._plan
        order = ORDERS[plan.order]
        return told(likes, self._threshold, days, order, plan.budget, plan.joining)

    def point(self, likes: Likes, reports: Told, days: int | None) -> Point:
        """A fleet in which all report pairs."""
        opening = Opening.of(reports, self._threshold)
        return self._point(likes, reports, opening, self._taught(likes, opening), days)

    def mixed(self, likes: Likes, days: int) -> Point:
        """A fleet in which each second TV sketches, at the weights that ship."""
        nothing = np.empty(0, np.int64)
        some = tuple(rows if i % 2 else nothing for i, rows in enumerate(likes.rows))
        half = Likes(some, likes.keys)
        reports = self.told(half, days)
        opening = Opening.of(reports, self._threshold)
        policy, shard = named(DEFAULT), self._study.shard
        others = [tv for tv in self._study.fleet if not tv.number % 2]
        pushed = device_sketches(sent(policy, others, shard), shard.pack.model_version)
        taught = self._taught(half, opening, pushed)
        return self._point(half, reports, opening, taught, days, mixed=True)

    def _taught(
        self, likes: Likes, opening: Opening, sketches: Sequence[DeviceSketches] = ()
    ) -> Taught:
        return teach(opening, likes.keys, self._study.shard, self._config, sketches)

    def _point(
        self,
        likes: Likes,
        reports: Told,
        opening: Opening,
        taught: Taught,
        days: int | None,
        *,
        mixed: bool = False,
    ) -> Point:
        study, budget = self._study, self._plan.budget
        ndcg = study.score(lists(study.world, taught)).ndcg
        five = None
        if self._plan.attacks and taught.factors is not None and not mixed:
            five = plus_five_of_pairs(self._histories, taught.factors, reports, opening)
        until = 1 if days is None else days
        households = max(sum(len(rows) > 0 for rows in likes.rows), 1)

        def moved(begin: int, end: int) -> float:
            chosen = (reports.days >= begin) & (reports.days < end)
            return int(chosen.sum()) * REPORT_COST / households

        return Point(
            threshold=self._threshold,
            days=days,
            mixed=mixed,
            against_ease=ratio(ndcg, study.ease.ndcg),
            against_popularity=ratio(ndcg, study.popularity.ndcg),
            nothing=without_information(likes, self._histories),
            plus_five=five,
            open=len(opening.by_pair()[0]),
            reports=len(reports.days),
            lost=opening.lost(until, budget.epoch_days),
            first_week=moved(0, _WEEK),
            first_epoch=moved(0, budget.epoch_days),
            last_week=moved(max(until - _WEEK, 0), until),
        )
