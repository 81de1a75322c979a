"""When reports of pairs leave: each at a random instant of its own, and never many at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from omega_core.clock import day_begins, day_of
from omega_privacy import draw_delay

_RANDOM = random.SystemRandom()
_DAY = timedelta(days=1)
_SOON = 6
"""What was missed leaves within the time of a day divided by this."""
_LONGEST_RETRY = 21_600.0
_SPARE = timedelta(hours=1)
"""How long before its epoch closes a report leaves at the latest."""
_POLL = timedelta(seconds=1)
"""Time between two looks where nothing is held back."""
LATE = timedelta(minutes=15)
"""How long after its instant a report still leaves; later, another instant is drawn."""


@dataclass(frozen=True)
class Instants:
    """Draws instants."""

    delay: timedelta
    """Over which the reports of a day leave; 0 = all of them at once."""
    a_day: int
    """How many reports a day pays for, at least 1."""

    def of_batch(self, now: datetime, waiting: int, count: int, closes: datetime) -> list[datetime]:
        """An instant for each of `count` reports, in random order.

        Args:
            now: the time.
            waiting: reports that leave before them.
            count: how many.
            closes: when their epoch does.
        """
        if not self.delay:
            return [now] * count
        latest = max(now, closes - _SPARE)
        found = []
        for place in range(waiting, waiting + count):
            at = now + place // self.a_day * _DAY + draw_delay(self.delay)
            found.append(at if at <= latest else now + (latest - now) * _RANDOM.random())
        _RANDOM.shuffle(found)
        return found

    def fits(self, now: datetime, closes: datetime) -> int:
        """How many reports can leave before their epoch closes, at least those of a day."""
        return self.a_day * max(1, (closes - _SPARE - now) // _DAY) if self.delay else 1_000_000

    def again(self, now: datetime) -> datetime:
        """After a try that brought no answer."""
        return now + (draw_delay(self.delay) or _POLL)

    def missed(self, now: datetime) -> datetime:
        """For what should have left while the TV was off, or together with another."""
        return now + draw_delay(self.delay / _SOON)

    def tomorrow(self, now: datetime) -> datetime:
        """For what this day cannot pay for."""
        return day_begins(day_of(now) + 1) + self.delay * _RANDOM.random()

    def next_batch(self, now: datetime, most: int) -> datetime:
        """After a batch of at most `most` was made, or none was needed."""
        if not self.delay:
            return now + _POLL
        return now + draw_delay(self.delay * min(1.0, most / self.a_day))

    def retry(self, now: datetime, failures: int) -> datetime:
        """After the n-th failure in a row to make one; half of the wait at least."""
        longest = min(_LONGEST_RETRY, (60.0 if self.delay else 1.0) * 2 ** min(failures, 16))
        return now + timedelta(seconds=longest * _RANDOM.uniform(0.5, 1.0))

    def is_astray(self, now: datetime, at: datetime, waiting: int) -> bool:
        """Whether an instant lies so far ahead that the clock must have gone back."""
        return at > now + self.delay + (2 + waiting // self.a_day) * _DAY


def chosen(due: Sequence[datetime], now: datetime) -> int | None:
    """Which of some ascending instants is kept: the first one that is not long over."""
    return next((place for place, at in enumerate(due) if now - at <= LATE), None)
