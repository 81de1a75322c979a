"""Runs of deadline loops that wait, earliest deadline first."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Sequence

from omega_loops.task import Task

_Entry = tuple[float, int, Task]


class EventQueue:
    """Tasks ready to run, and tasks that rest after a failure. Safe to use from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ready: list[_Entry] = []
        self._resting: list[_Entry] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._woken = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._ready) + len(self._resting)

    def add(self, tasks: Sequence[Task]) -> bool:
        """Takes all or, when that would be more than may wait, none."""
        with self._changed:
            if len(self._ready) + len(self._resting) + len(tasks) > self._most:
                return False
            self._put(tasks)
            self._changed.notify_all()
            return True

    def put_back(self, tasks: Sequence[Task]) -> None:
        """Takes tasks that were taken from here and have steps left."""
        with self._changed:
            self._put(tasks)

    def rest(self, task: Task, until: float) -> None:
        """Holds a task back until `until`, monotonic seconds."""
        with self._changed:
            heapq.heappush(self._resting, (until, next(self._order), task))

    def take(self, monotonic: float) -> Task | None:
        """The ready task with the earliest deadline."""
        with self._changed:
            self._rouse(monotonic)
            return heapq.heappop(self._ready)[2] if self._ready else None

    def earliest(self, monotonic: float) -> float:
        """Deadline of the task that take() would give; infinite without one."""
        with self._changed:
            self._rouse(monotonic)
            return self._ready[0][0] if self._ready else float("inf")

    def wait(self, monotonic: float, seconds: float) -> None:
        """Returns when a task is ready, after wake(), or after `seconds`."""
        with self._changed:
            if self._resting:
                seconds = min(seconds, max(self._resting[0][0] - monotonic, 0.0))
            self._changed.wait_for(lambda: self._ready or self._woken, seconds)
            self._woken = False

    def wake(self) -> None:
        """Ends the wait() under way, or the next."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _put(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            heapq.heappush(self._ready, (task.deadline, next(self._order), task))

    def _rouse(self, monotonic: float) -> None:
        while self._resting and self._resting[0][0] <= monotonic:
            self._put([heapq.heappop(self._resting)[2]])
