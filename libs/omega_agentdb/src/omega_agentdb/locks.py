"""Many readers or one writer, in fair turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FairLock:
    """A readers-writer lock in alternating phases (Brandenburg & Anderson 2010, phase-fair).

    A reader that finds a writer active or waiting lets that one writer pass; a writer lets the
    readers pass that arrived before it ended. So neither a stream of searches nor a long series
    of short writes starves the other. Not re-entrant.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._readers = 0
        self._waiting_readers = 0
        self._waiting_writers = 0
        self._writing = False
        self._phase = 0

    @contextmanager
    def read(self) -> Iterator[None]:
        """Holds the lock together with other readers."""
        with self._condition:
            if self._writing or self._waiting_writers:
                phase = self._phase
                self._waiting_readers += 1
                self._condition.wait_for(lambda: self._phase != phase)
            else:
                self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Holds the lock alone."""
        with self._condition:
            self._waiting_writers += 1
            self._condition.wait_for(lambda: not self._writing and not self._readers)
            self._waiting_writers -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._condition:
                self._writing = False
                self._admit_readers()

    def _admit_readers(self) -> None:
        self._phase += 1
        # Counted in here, not when they wake: the next writer must already see them.
        self._readers += self._waiting_readers
        self._waiting_readers = 0
        self._condition.notify_all()
