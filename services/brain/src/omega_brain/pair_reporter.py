"""Reports pairs of titles that a household likes, a step a turn: makes some, or sends one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from omega_brain import pair_instants
from omega_brain.pair_calls import BATCH, EACH, FORWARD, PairCalls, SpentError
from omega_brain.pair_instants import Instants
from omega_brain.pair_keys import schedule_of
from omega_brain.pair_making import MOST, PairMaker, without_token
from omega_brain.pair_sending import PairSender
from omega_brain.pair_wishes import Liked, every_pair
from omega_brain.stores import Stores
from omega_client import ServiceError
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import keys
from omega_persistence.pair_reports import Waiting

_log = logging.getLogger(__name__)
LONGEST_WAIT = 600.0
"""Seconds after which it is looked again whether something is due: a clock may have been set."""


class PairReporter:
    """Reports pairs, one step at a time; close() may come from any thread.

    Args:
        stores: keeps what was told and what waits.
        clock: wall time.
        calls: reaches the parties.
        liked: what the household likes.
        allowed: whether it allows reports, at this moment.
        delay: time over which the reports of a day leave; 0 = all at once.
        most: bytes that a day allows.
    """

    def __init__(
        self,
        *,
        stores: Stores,
        clock: Clock,
        calls: PairCalls,
        liked: Liked,
        allowed: Callable[[], bool],
        delay: timedelta,
        most: int,
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._calls = calls
        self._liked = liked
        self._allowed = allowed
        self._instants = Instants(delay, max(1, (most - BATCH) // (EACH + FORWARD)))
        self._maker = PairMaker(stores, calls, liked, self._instants, allowed, most)
        self._sender = PairSender(stores, calls, self._instants)
        self._failures = 0
        self._broken = 0
        self._rest_until: datetime | None = None
        self._lock = threading.Lock()
        self._closed = False

    def turn(self) -> None:
        """One step, if one is due: sends one report, or makes some. What fails is tried again.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._lock:
            if self._closed or not self._allowed():
                return
            now = self._clock.now()
            try:
                self._step(now)
            except Exception:
                self._broken += 1
                self._rest_until = self._instants.retry(now, self._broken)
                raise
            self._broken, self._rest_until = 0, None

    def wait(self) -> float:
        """Seconds until the next turn, at most LONGEST_WAIT; after a turn that raised, longer.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        at = self._rest_until or self.next_at()
        wait = LONGEST_WAIT if at is None else (at - self._clock.now()).total_seconds()
        return min(max(wait, 1.0 if self._instants.delay else 0.05), LONGEST_WAIT)

    def next_at(self) -> datetime | None:
        """When the next step is due; None = nothing is planned.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        if not self._allowed():
            return None
        waiting, blocked = self._stores.pair_reports.waiting(), self._blocked
        found = [each.release_at for each in waiting if each.token and not blocked]
        if self._makes_more(waiting):
            found.append(self._prepare_at or self._clock.now())
        return min(found, default=None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A block between two steps, after which nothing is known of what waits."""
        with self._lock:
            try:
                yield
            finally:
                self._sender.forget()

    def close(self) -> None:
        """Ends the call under way."""
        self._closed = True
        self._calls.close()

    def _step(self, now: datetime) -> None:
        waiting = self._settled(now)
        due = self._due(waiting, now)
        if due is not None:
            self._sender.send(due, self._stores.pair_means.told()[due.epoch], now)
        elif self._is_time(waiting, now):
            self._make(now)

    def _settled(self, now: datetime) -> list[Waiting]:
        """What waits, once it is seen to what changed since the last step."""
        means, reports = self._stores.pair_means, self._stores.pair_reports
        facts, lineage = means.facts, self._stores.database.lineage
        if (known := facts.get(keys.PAIR_LINEAGE)) != lineage:
            with self._stores.database.transaction():
                if known is not None:
                    # A backup is in force: of what waits in it, any may have left since.
                    reports.assume_tried()
                facts.set(keys.PAIR_LINEAGE, lineage)
        if facts.get(keys.PAIRS_FORGOTTEN) and (likes := self._liked.newest()):
            with self._stores.database.transaction():
                reports.assume_told(every_pair(likes))
                facts.remove(keys.PAIRS_FORGOTTEN)
        for epoch, told in means.told().items():
            if now >= schedule_of(told).closes(epoch):
                with self._stores.database.transaction():
                    reports.close_epoch(epoch)
                    means.close_epoch(epoch)
        waiting = reports.waiting()
        for each in waiting:
            if self._instants.is_astray(now, each.release_at, len(waiting)):
                reports.put_off(each.titles, self._instants.again(now))
        at = self._prepare_at
        if at is None or self._instants.is_astray(now, at, 0):
            self._plan(self._instants.next_batch(now, MOST))
        return reports.waiting()

    def _due(self, waiting: list[Waiting], now: datetime) -> Waiting | None:
        """The one report that leaves now; others whose instant has come get another."""
        if self._blocked:
            return None
        due = [each for each in waiting if each.token and each.release_at <= now]
        if due and not (liked := self._liked.rowids()):
            # The catalogue is not there yet, perhaps.
            for each in due:
                self._stores.pair_reports.put_off(each.titles, self._instants.missed(now))
            due = []
        elif due:
            # What the household no longer likes, and what nobody has been told, leaves no more.
            gone = [each for each in due if not each.tried and not liked.issuperset(each.titles)]
            self._stores.pair_reports.withdraw([each.titles for each in gone])
            due = [each for each in due if each not in gone]
        if not self._instants.delay:
            return due[0] if due else None
        place = pair_instants.chosen([each.release_at for each in due], now)
        for other, each in enumerate(due):
            if other != place:
                self._stores.pair_reports.put_off(each.titles, self._instants.missed(now))
        return None if place is None else due[place]

    def _is_time(self, waiting: list[Waiting], now: datetime) -> bool:
        at = self._prepare_at
        return at is not None and at <= now and self._makes_more(waiting)

    def _makes_more(self, waiting: list[Waiting]) -> bool:
        return self._blocked or without_token(waiting) or len(waiting) < self._instants.a_day

    def _make(self, now: datetime) -> None:
        facts = self._stores.pair_means.facts
        try:
            self._maker.make(now, again=self._blocked)
        except SpentError:
            self._plan(self._instants.tomorrow(now))
        except (OmegaError, ServiceError) as error:
            self._failures += 1
            self._plan(self._instants.retry(now, self._failures))
            told = error.public_text if isinstance(error, OmegaError) else str(error)
            _log.warning("no reports of pairs are made: %s", told)
            facts.set(keys.PAIR_PREPARE_ERROR, told[:256])
            if isinstance(error, OmegaError) and error.code is ErrorCode.KEYS_DIFFER:
                facts.set(keys.PAIRS_BLOCKED, "1")
        else:
            self._failures = 0
            facts.remove(keys.PAIR_PREPARE_ERROR)
            facts.remove(keys.PAIRS_BLOCKED)
            self._plan(self._instants.next_batch(now, MOST))

    def _plan(self, at: datetime) -> None:
        self._stores.pair_means.facts.set(keys.PAIR_PREPARE_AT, at.isoformat())

    @property
    def _prepare_at(self) -> datetime | None:
        at = self._stores.pair_means.facts.get(keys.PAIR_PREPARE_AT)
        return None if at is None else datetime.fromisoformat(at)

    @property
    def _blocked(self) -> bool:
        return self._stores.pair_means.facts.get(keys.PAIRS_BLOCKED) is not None
