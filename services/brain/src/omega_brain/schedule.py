"""When a TV asks the fleet next, so that a fleet never comes at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from omega_core.clock import Clock

JITTER = (0.5, 1.5)
"""Without word from the server a wait is drawn evenly between these multiples of its mean."""
LONGEST = 86_400.0
"""Longest wait that a server can ask for in seconds, whatever it says."""
_LEAST = 1.0
"""Shortest wait in seconds, and the shortest that counts as asked for."""
_CAP = 6
"""Longest backoff as a multiple of the mean wait: an hour where that is ten minutes."""


class Schedule:
    """Waits between exchanges. Safe for threads.

    After a success the server says when it wants to see this TV, or the wait is drawn from 0.5 to
    1.5 times the mean. After the n-th failure in a row it is drawn from 0 to the mean times
    2^(n-1), at most six times the mean: exponential backoff with full jitter (M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A backoff that began lower would
    have a fleet ask more often while it is not answered, and an outage that ends would end in a
    crowd; this one asks twice as often at its beginning, and a third as often after an hour.
    What a refusal asks for is kept to, with the backoff on top, since all are told the same.

    Time is that of the process and not the wall clock: TVs that start after a power cut with a
    clock of 1970 must not all come in the moment it is set.

    Args:
        mean: seconds, 1 to 86,400; 0 = nothing is planned.
        clock: wall time, for what outlives the process.
        not_before: the instant that the server asked for before this start; None = none.
        draw: a number between two others.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        mean: float,
        clock: Clock,
        not_before: datetime | None = None,
        *,
        draw: Callable[[float, float], float] = random.uniform,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mean = mean
        self._clock = clock
        self._draw = draw
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        asked = (not_before - clock.now()).total_seconds() if not_before else 0.0
        # A clock that was set back since must not put the next exchange off for years.
        asked = asked if asked <= LONGEST else 0.0
        self._due = monotonic() + max(self._usual(), asked)

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        with self._lock:
            return self._failures

    @property
    def next_at(self) -> datetime | None:
        """When the next exchange is due by the wall clock as it stands; None = none is planned."""
        return self._clock.now() + timedelta(seconds=self.wait()) if self._mean else None

    def wait(self) -> float:
        """Seconds until the next exchange is due; 0 = now."""
        with self._lock:
            return max(0.0, self._due - self._monotonic())

    def succeeded(self, asked: float = 0.0) -> datetime | None:
        """Plans after an exchange that went well.

        Args:
            asked: seconds that the server wants, with its own jitter in them; below 1 = it did not
                say.

        Returns:
            The instant before which the server does not want to be asked; None = it did not say.
        """
        with self._lock:
            self._failures = 0
            return self._plan(0.0 if asked >= _LEAST else self._usual(), asked)

    def failed(self, asked: float = 0.0) -> datetime | None:
        """Plans after an exchange that failed or was refused. Arguments and result as above."""
        with self._lock:
            self._failures += 1
            top = self._mean * min(2 ** min(self._failures - 1, 10), _CAP)
            return self._plan(self._draw(0.0, top), asked)

    def put_off(self) -> None:
        """Plans after a turn at which nothing was to be asked."""
        with self._lock:
            self._plan(self._usual(), 0.0)

    def _plan(self, wait: float, asked: float) -> datetime | None:
        asked = min(asked, LONGEST) if asked >= _LEAST else 0.0
        self._due = self._monotonic() + max(_LEAST, asked + wait)
        return self._clock.now() + timedelta(seconds=asked) if asked else None

    def _usual(self) -> float:
        return self._mean * self._draw(*JITTER)
