"""Years of one household through a brain, in minutes: drives it, and holds it to the oracle.

Time is a ManualClock that the simulation moves; the loops run where it says `tick`, and not in a
thread of theirs.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.viewing import EventSource, PlaybackAction, ViewingEvent
from omega_loops import DEADLINE_LOOPS, Loop, Outcome, Report
from omega_testing import years_audit
from omega_testing.years_figures import YearsFigures
from omega_testing.years_household import ADULT, CHILD, Evening, YearsHousehold
from omega_testing.years_oracle import DueCycle, Ledger, Schedule
from omega_testing.years_ports import B, YearsTv
from omega_testing.years_titles import fits

T = TypeVar("T")
LIST = 20
"""Titles of a list."""
_AUDIT_DAYS = 30


class Years(Generic[B]):
    """One simulation. Make it, then `run`.

    Args:
        household: who watches.
        clock: the brain's, standing at the household's start.
        tv: the brain.
    """

    def __init__(self, household: YearsHousehold, clock: ManualClock, tv: YearsTv[B]) -> None:
        self._household = household
        self._clock = clock
        self._tv = tv
        self._schedule = Schedule()
        self._titles = 0
        self._fitting: dict[str, set[str]] = {ADULT.profile_id: set(), CHILD.profile_id: set()}
        self._led: dict[tuple[str, str], str] = {}
        self._read_to = 0
        self._settled_at = clock.now()
        self.ledger = Ledger()
        """Every viewing."""
        self.figures = YearsFigures()
        """What came of it so far."""
        self.brain = self._timed("open", tv.opened)
        """The one that is open now."""

    @property
    def now(self) -> datetime:
        """The present instant of the simulation."""
        return self._clock.now()

    def run(self, each_day: Callable[[int], None] = lambda _day: None) -> YearsFigures:
        """Plays everything; the brain stays open.

        Args:
            each_day: called after each day that the TV was on, with the number of days so far.
        """
        for profile in (ADULT, CHILD):
            self.brain.put_profile(profile)
        self._arrive(self._household.first_titles())
        start, audited = self._clock.now().date(), 0
        for evening in self._household.evenings():
            days = (evening.on.date() - start).days
            if days > self.figures.days:
                each_day(days)
                self._perhaps_end(days)
            self.figures.days = days
            self._play(evening)
            years_audit.evening(self.brain, self.ledger, self._settled_at, self.figures)
            if days >= audited + _AUDIT_DAYS:
                audited = days
                self._audit_all()
        self.figures.days += 1
        self._audit_all()
        return self.figures

    def _play(self, evening: Evening) -> None:
        self.figures.on += evening.off - evening.on
        self._go_to(evening.on)
        if evening.arriving:
            self._arrive(evening.arriving)
        looks = [evening.on, *self._schedule.instants(evening.on, evening.off), evening.off]
        events = {instant: list[ViewingEvent]() for instant in looks}
        for event in evening.events:
            events.setdefault(event.occurred_at, []).append(event)
        for instant, told in sorted(events.items()):
            self._go_to(instant)
            if told and self._schedule.is_due(instant, Loop.DELIBERATIVE):
                self._tell_beside(told)
                continue
            for event in told:
                self._tell(event)
                self._check(self._tick(), events=1)
            if not told:
                self._check(self._tick(), events=0)

    def _tell_beside(self, events: list[ViewingEvent]) -> None:
        """Tells events while the loops are at work, as a TV's threads do."""
        reports: list[Report] = []
        worker = threading.Thread(target=lambda: reports.extend(self._tick()), name="loops")
        worker.start()
        for event in events:
            self._tell(event)
            self.figures.beside += worker.is_alive()
        worker.join()
        self._check([*reports, *self._tick()], events=len(events))

    def _tell(self, event: ViewingEvent) -> None:
        viewing = (event.profile_id, event.content_id)
        if event.action is PlaybackAction.PLAY:
            self._led[viewing] = self._ask(event)
        if led := self._led.get(viewing):
            event = replace(event, recommendation_id=led, source=EventSource.RECOMMENDATION)
        self.ledger.tell(event, self._clock.now())
        self._timed("observe", lambda: self.brain.observe(event))
        self.figures.events += 1
        self.figures.viewings += event.action.ends_viewing

    def _ask(self, event: ViewingEvent) -> str:
        """Asks for a list; returns its id where the title to be watched stands in it."""
        who, figures = event.profile_id, self.figures
        begun = time.perf_counter()
        recommendation_id, listed = self._tv.ask(self.brain, who, event.context)
        figures.listing.append(time.perf_counter() - begun)
        figures.lists += 1
        found = event.content_id in listed
        if event.content_id not in self.ledger.seen(who):
            figures.firsts += 1
            figures.hits += found
        self._check_list(event, listed)
        return recommendation_id if found else ""

    def _check_list(self, event: ViewingEvent, listed: Sequence[str]) -> None:
        """A list is full, of what was not seen and what the limits let through."""
        who, fault = event.profile_id, self.figures.fault
        profile = CHILD if who == CHILD.profile_id else ADULT
        fitting = self._fitting[profile.profile_id]
        seen = self.ledger.seen(who)
        if bad := set(listed) - fitting:
            fault(f"{event.occurred_at}: not for {who!r}: {sorted(bad)[:3]}")
        if again := seen.intersection(listed):
            fault(f"{event.occurred_at}: {who!r} has seen {sorted(again)[:3]}")
        if len(set(listed)) != min(LIST, len(fitting - seen)):
            fault(f"{event.occurred_at}: {len(listed)} titles were listed for {who!r}")

    def _tick(self) -> list[Report]:
        """Lets the loops do all that is due."""
        now, reports, cpu = self._clock.now(), list[Report](), time.thread_time()
        while True:
            fresh = self._timed("loops", lambda: self.brain.loops.tick(now))
            reports += fresh
            if all(r.outcome not in {Outcome.YIELDED, Outcome.OVER_BUDGET} for r in fresh):
                break
        self.figures.worked(reports, time.thread_time() - cpu)
        return reports

    def _check(self, reports: list[Report], events: int) -> None:
        """Holds what the loops did at one instant to what was due."""
        now, fault = self._clock.now(), self.figures.fault
        for report in reports:
            if report.outcome is Outcome.FAILED:
                fault(f"{now}: {report.loop} failed: {report.error}")
        done = [report for report in reports if report.outcome is Outcome.FINISHED]
        cycles = [
            DueCycle(each.loop, each.cycle, each.due_at, each.coalesced)
            for each in done
            if each.loop not in DEADLINE_LOOPS
        ]
        if cycles != (due := self._schedule.look(now)):
            fault(f"{now}: {cycles} ran, {due} were due")
        for loop in DEADLINE_LOOPS:
            if (ran := sum(each.loop is loop for each in done)) != events:
                fault(f"{now}: {loop} ran {ran} times for {events} events")
        if any(cycle.loop is Loop.ADAPTIVE for cycle in due):
            self._settled_at = now
            self.ledger.settle(now)
        self._read_to = years_audit.fresh(self.brain, self.ledger, self._read_to, self.figures)

    def _audit_all(self) -> None:
        years_audit.records(self.brain, self.ledger, self._settled_at, self.figures)
        now = self._clock.now()
        years_audit.measure(self.brain, self._tv.storage, self._titles, now, self.figures)

    def _perhaps_end(self, days: int) -> None:
        """Now and then the process ends, in good order or not, and another one begins."""
        figures, every = self.figures, self._tv.reopen_days
        ended = figures.closed + figures.cut
        if not every or days < (ended + 1) * every:
            return
        if ended % 2:
            figures.cut += 1
            self._cut()
        else:
            figures.closed += 1
            self._timed("close", self.brain.close)
        self.brain = self._timed("open", self._tv.opened)

    def _cut(self) -> None:
        """Cuts the power: the next process finds the files as they stood in this moment."""
        storage = self._tv.storage
        as_it_stood = storage.with_name(f"{storage.name}-cut")
        shutil.copytree(storage, as_it_stood)
        self.brain.close()
        shutil.rmtree(storage)
        as_it_stood.rename(storage)

    def _arrive(self, contents: Iterable[Content]) -> None:
        fresh = list(contents)
        self._timed("upsert", lambda: self.brain.upsert(fresh))
        self._titles += len(fresh)
        for profile in (ADULT, CHILD):
            self._fitting[profile.profile_id].update(
                content.content_id for content in fresh if fits(profile, content)
            )

    def _go_to(self, instant: datetime) -> None:
        self._clock.advance(max(instant - self._clock.now(), timedelta(0)))

    def _timed(self, name: str, call: Callable[[], T]) -> T:
        begun = time.perf_counter()
        try:
            return call()
        finally:
            self.figures.seconds[name] += time.perf_counter() - begun
