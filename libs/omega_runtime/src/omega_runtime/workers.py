"""A few threads for calls that may have to be given up."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """A call under way in another thread."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._context = contextvars.copy_context()
        self._ended = threading.Event()
        self._result: list[T] = []
        self.error: BaseException | None = None
        """What it raised; of use once it has ended."""

    def run(self) -> None:
        """Makes the call, in the context of whoever made the job."""
        try:
            self._result.append(self._context.run(self._call))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the job
            self.error = error

    def end(self) -> None:
        """Wakes whoever waits for the job."""
        self._ended.set()

    def wait(self, longest: timedelta) -> bool:
        """Whether it ended within `longest`."""
        return self._ended.wait(longest.total_seconds())

    @property
    def result(self) -> T:
        """What it returned; of use once it has ended without an error."""
        return self._result[0]


class Workers:
    """Runs at most `count` calls at once, and lets none queue.

    Python cannot stop a call that runs: one that was given up keeps its thread until it ends by
    itself. The threads are daemons, so such a call does not hold up the end of the process.
    """

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)
        self._jobs: queue.SimpleQueue[Job[object] | None] = queue.SimpleQueue()
        self._count = count
        self._closed = False
        for number in range(count):
            threading.Thread(target=self._work, name=f"ladder-{number}", daemon=True).start()

    def start(self, call: Callable[[], T]) -> Job[T] | None:
        """Begins the call; None when every thread is taken, or it is closed."""
        if self._closed or not self._free.acquire(blocking=False):
            return None
        job = Job(call)
        self._jobs.put(job)  # type: ignore[arg-type]  # the queue does not look at results
        return job

    def close(self) -> None:
        """Ends each thread once its call has ended; does not wait."""
        self._closed = True
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            # Free first: whoever saw this job end may start the next one.
            self._free.release()
            job.end()
