"""Group commit: pushes of many callers become one transaction."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Self

from psycopg import Error

from omega_core import validate
from omega_core.clock import Clock, SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_store import pushes
from omega_store.pool import Store
from omega_store.pushes import Push, PushResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushWriterConfig:
    """Bounds of the writer."""

    most_waiting: int = 8_192
    """Pushes that may wait before OVERLOADED, 256 to 1,048,576."""
    most_in_batch: int = 2_048
    """Pushes of one transaction, 256 to 65,536."""

    def __post_init__(self) -> None:
        validate.integer("most_waiting", self.most_waiting, 256, 1_048_576)
        validate.integer("most_in_batch", self.most_in_batch, 256, 65_536)


@dataclass(frozen=True)
class _Waiting:
    pushes: Sequence[Push]
    answer: Future[list[PushResult]]


class PushWriter:
    """Writes pushes on one thread; whatever arrives during a commit forms the next batch.

    Safe to share between threads. Nothing is answered before it is durable.

    Args:
        store: the shard.
        config: bounds.
        clock: stamps received_at.
    """

    def __init__(
        self, store: Store, config: PushWriterConfig | None = None, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._config = config or PushWriterConfig()
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="push-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Sequence[Push]) -> Future[list[PushResult]]:
        """Queues pushes; the future holds their results, in order, once they are durable.

        The future raises what write() raises.

        Raises:
            OmegaError: OVERLOADED when the queue is full or the writer is closed; nothing of the
                batch is stored.
        """
        with self._changed:
            if self._closing or self._queued + len(batch) > self._config.most_waiting:
                raise OmegaError(ErrorCode.OVERLOADED)
            waiting = _Waiting(batch, Future())
            self._queue.append(waiting)
            self._queued += len(batch)
            self._changed.notify()
        return waiting.answer

    def write(self, batch: Sequence[Push], timeout: float | None = None) -> list[PushResult]:
        """Stores pushes and waits until they are durable.

        Args:
            batch: validated pushes.
            timeout: seconds; None = as long as it takes.

        Returns:
            A result a push, in their order.

        Raises:
            OmegaError: OVERLOADED, STORAGE_UNAVAILABLE, STORAGE_FULL; DEADLINE_EXCEEDED after
                `timeout`, when the pushes may or may not be stored. Repeating them is safe.
        """
        answer = self.submit(batch)
        try:
            return answer.result(timeout)
        except FutureTimeoutError:
            answer.cancel()
            raise OmegaError(ErrorCode.DEADLINE_EXCEEDED) from None

    def close(self) -> None:
        """Writes what waits, then ends."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while batch := self._take():
            self._write(batch)

    def _take(self) -> list[_Waiting]:
        """The next batch; empty when the writer is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            batch: list[_Waiting] = []
            size = 0
            while self._queue:
                size += len(self._queue[0].pushes)
                if batch and size > self._config.most_in_batch:
                    break
                waiting = self._queue.popleft()
                self._queued -= len(waiting.pushes)
                batch.append(waiting)
        return batch

    def _write(self, batch: list[_Waiting]) -> None:
        alive = [w for w in batch if w.answer.set_running_or_notify_cancel()]
        if not alive:
            return
        try:
            self._commit(alive)
        except Error:
            # A statement failed, not the server: one caller's pushes must not fail the others'.
            _log.exception("a batch of %d requests failed", len(alive))
            for waiting in alive:
                self._commit_alone(waiting)
        except Exception as error:  # noqa: BLE001 - belongs to those who wait
            for waiting in alive:
                waiting.answer.set_exception(error)

    def _commit_alone(self, waiting: _Waiting) -> None:
        try:
            self._commit([waiting])
        except Exception as error:  # noqa: BLE001 - belongs to the one who waits
            waiting.answer.set_exception(error)

    def _commit(self, batch: list[_Waiting]) -> None:
        together = [push for waiting in batch for push in waiting.pushes]
        with self._store.transaction() as conn:
            results = pushes.store(conn, together, self._clock.now())
        start = 0
        for waiting in batch:
            end = start + len(waiting.pushes)
            waiting.answer.set_result(results[start:end])
            start = end
