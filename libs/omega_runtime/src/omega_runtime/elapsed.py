"""Time that only grows, measured on any clock, and deadlines on it."""

from __future__ import annotations

import threading
from datetime import timedelta

from omega_core.clock import Clock

ZERO = timedelta(0)


class Elapsed:
    """Time since it was made.

    A TV's clock is set back and forth by hand and by the network. A step back counts as no time
    at all, so that no wait grows to years; a step forward counts as time that has passed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = clock.now()
        self._sum = ZERO

    def read(self) -> timedelta:
        """Time passed so far; never less than an earlier reading."""
        with self._lock:
            now = self._clock.now()
            self._sum += max(ZERO, now - self._last)
            self._last = now
            return self._sum


class Deadline:
    """The moment until which an answer is of use."""

    def __init__(self, elapsed: Elapsed, after: timedelta) -> None:
        """Begins now.

        Args:
            elapsed: the time it is measured on.
            after: how long from now.
        """
        self._elapsed = elapsed
        self._end = elapsed.read() + after

    def remaining(self) -> timedelta:
        """Time left, 0 when it has passed."""
        return max(ZERO, self._end - self._elapsed.read())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining() == ZERO

    def part(self, share: float) -> Deadline:
        """An earlier deadline: `share` (0 to 1) of what is left."""
        return Deadline(self._elapsed, self.remaining() * share)
