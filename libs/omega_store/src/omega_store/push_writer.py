"""Group commit: pushes of many callers become one transaction."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from opentelemetry import trace
from psycopg import Error

from omega_core import spans, validate
from omega_core.clock import Clock, SystemClock
from omega_core.closing import Closing
from omega_core.errors import ErrorCode, OmegaError
from omega_store import metering, pushes, traffic
from omega_store.pool import Store
from omega_store.pushes import Push, PushResult

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_MEGABYTE = 1 << 20
PUSH_BYTES = 1_024
"""What a waiting push takes beside its sketches, at most: ids, names, what holds them."""


@dataclass(frozen=True)
class PushWriterConfig:
    """Bounds of the writer."""

    most_waiting: int = 8_192
    """Pushes that may wait before OVERLOADED, 256 to 1,048,576."""
    most_waiting_mb: int = 64
    """Memory that they may take before OVERLOADED, in MiB, 1 to 65,536."""
    most_in_batch: int = 2_048
    """Pushes of one transaction, 256 to 65,536."""
    lanes: int = 2
    """Batches under way at once, 1 to 16: while one is committed, the next is sent."""

    def __post_init__(self) -> None:
        validate.integer("most_waiting", self.most_waiting, 256, 1_048_576)
        validate.integer("most_waiting_mb", self.most_waiting_mb, 1, 65_536)
        validate.integer("most_in_batch", self.most_in_batch, 256, 65_536)
        validate.integer("lanes", self.lanes, 1, 16)


@dataclass(frozen=True)
class _Waiting:
    pushes: Sequence[Push]
    size: int
    arrived: float
    answer: Future[list[PushResult]]
    caller: trace.Span


class PushWriter(Closing):
    """Writes pushes on a few threads; whatever arrives during the commits forms the next batch.

    Safe to share between threads. Nothing is answered before it is durable. Each batch counts its
    traffic in its own transaction, and how long the one before it waited.

    Args:
        store: the shard.
        config: bounds.
        clock: stamps received_at.
    """

    def __init__(
        self, store: Store, config: PushWriterConfig | None = None, clock: Clock | None = None
    ) -> None:
        self._config = config or PushWriterConfig()
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._queued_bytes = 0
        self._closing = False
        self._lanes = [
            threading.Thread(
                target=_Lane(self._take, store, self._clock).run,
                name=f"push-writer-{i}",
                daemon=True,
            )
            for i in range(self._config.lanes)
        ]
        for lane in self._lanes:
            lane.start()

    def submit(self, batch: Sequence[Push]) -> Future[list[PushResult]]:
        """Queues pushes; the future holds their results, in order, once they are durable.

        The future raises what write() raises.

        Raises:
            OmegaError: OVERLOADED when the queue is full or the writer is closed; nothing of the
                batch is stored.
        """
        size = sum(PUSH_BYTES + len(push.sketches) + len(push.classes) for push in batch)
        with self._changed:
            if (
                self._closing
                or self._queued + len(batch) > self._config.most_waiting
                or self._queued_bytes + size > self._config.most_waiting_mb * _MEGABYTE
            ):
                raise OmegaError(ErrorCode.OVERLOADED)
            caller = trace.get_current_span()
            waiting = _Waiting(batch, size, time.monotonic(), Future(), caller)
            self._queue.append(waiting)
            self._queued += len(batch)
            self._queued_bytes += size
            metering.backlog.set(self._queued)
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
            self._changed.notify_all()
        for lane in self._lanes:
            lane.join()

    def _take(self, patience: float | None) -> list[_Waiting] | None:
        """The next batch; empty after `patience` seconds without one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing, patience)
            batch: list[_Waiting] = []
            size = 0
            while self._queue:
                size += len(self._queue[0].pushes)
                if batch and size > self._config.most_in_batch:
                    break
                waiting = self._queue.popleft()
                self._queued -= len(waiting.pushes)
                self._queued_bytes -= waiting.size
                batch.append(waiting)
            metering.backlog.set(self._queued)
            return None if self._closing and not batch else batch


class _Lane:
    """One thread of a writer, with its row of the present minute's traffic."""

    def __init__(
        self, take: Callable[[float | None], list[_Waiting] | None], store: Store, clock: Clock
    ) -> None:
        self._take = take
        self._store = store
        self._clock = clock
        self._slot = secrets.randbits(31)
        self._latency = [0] * traffic.BUCKETS

    def run(self) -> None:
        """Writes until the writer is closed and nothing waits."""
        while (batch := self._take(self._patience())) is not None:
            if batch:
                self._write(batch)
            else:
                self._note_latency()
        self._note_latency()

    def _patience(self) -> float | None:
        """How long what is not noted yet waits for a batch that it can go with."""
        return _IDLE_SECONDS if any(self._latency) else None

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
        now = self._clock.now()
        context, links = spans.together([waiting.caller for waiting in batch])
        begun = time.monotonic()
        with (
            spans.span("commit batch", context=context, links=links),
            self._store.transaction("store pushes") as conn,
        ):
            results = pushes.store(conn, together, now)
            tally = traffic.tally(together, results)
            traffic.add(conn, self._slot, now, tally, self._latency)
        durable = time.monotonic()
        metering.committed(durable - begun, tally)
        self._latency = [0] * traffic.BUCKETS
        start = 0
        for waiting in batch:
            end = start + len(waiting.pushes)
            self._latency[traffic.bucket(durable - waiting.arrived)] += len(waiting.pushes)
            waiting.answer.set_result(results[start:end])
            start = end

    def _note_latency(self) -> None:
        if not any(self._latency):
            return
        now = self._clock.now()
        try:
            with self._store.transaction("note waits") as conn:
                traffic.add(conn, self._slot, now, traffic.Tally(), self._latency)
        except OmegaError as error:
            _log.warning("the waits of the last exchanges are not noted: %s", error)
        self._latency = [0] * traffic.BUCKETS
