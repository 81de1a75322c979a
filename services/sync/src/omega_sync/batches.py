"""Group commit at the gateway: pushes of many TVs become one call."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry import trace

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.aio.tasks import within
from omega_sync import metering

MOST_IN_BATCH = 256
"""Pushes of one IngestPatterns, as its contract allows."""
Ingest = Callable[[pb.IngestPatternsRequest, str], Awaitable[pb.IngestPatternsResponse]]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    push: pb.DevicePush
    request_id: str
    until: float
    answer: asyncio.Future[pb.PushResult]
    caller: trace.Span


class Batches:
    """Sends pushes; whatever arrives while a call is under way forms the next one.

    Args:
        ingest: stores pushes, durable when it returns; given the id of the first push's call.
        most_waiting: pushes that may wait before OVERLOADED.
    """

    def __init__(self, ingest: Ingest, most_waiting: int) -> None:
        self._ingest = ingest
        self._most_waiting = most_waiting
        self._queue: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def push(self, push: pb.DevicePush, seconds: float) -> pb.PushResult:
        """What became of a push, once it is durable.

        Raises:
            OmegaError: OVERLOADED when too many wait; what the constellation raises;
                UPSTREAM_UNAVAILABLE when the gateway stops; DEADLINE_EXCEEDED without an answer in
                `seconds`, stored or not.
        """
        if len(self._queue) >= self._most_waiting:
            raise OmegaError(ErrorCode.OVERLOADED)
        answer: asyncio.Future[pb.PushResult] = asyncio.get_running_loop().create_future()
        until = time.monotonic() + seconds
        caller = trace.get_current_span()
        self._queue.append(_Waiting(push, calls.request_id(), until, answer, caller))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run())
        # A push whose caller has gone is left out if it still waits, and else stored all the same.
        async with within(seconds):
            return await answer

    async def start(self) -> Mapping[str, str]:
        """Nothing runs before the first push."""
        return {}

    async def drain(self) -> None:
        """Goes on: running calls still need it."""

    async def stop(self, grace: float) -> None:
        """Waits for what is under way."""
        if self._worker is not None:
            await asyncio.wait([self._worker], timeout=max(grace, 0.1))
            self._worker.cancel()

    async def _run(self) -> None:
        while batch := self._take():
            try:
                await self._send(batch)
            except asyncio.CancelledError:
                _refuse([*batch, *self._queue], OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE))
                raise
            except Exception as error:  # noqa: BLE001 - belongs to those who wait
                _refuse(batch, error)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        now = time.monotonic()
        while self._queue and len(batch) < MOST_IN_BATCH:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.until >= now:
                batch.append(waiting)
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        request = pb.IngestPatternsRequest(pushes=[waiting.push for waiting in batch])
        metering.batch_size.record(len(batch))
        context, links = spans.together([waiting.caller for waiting in batch])
        try:
            with spans.span("send batch", context=context, links=links):
                response = await self._ingest(request, batch[0].request_id)
        except OmegaError as error:
            if error.code is not ErrorCode.INVALID_FIELD or len(batch) == 1:
                raise
            # The constellation holds pushes to bounds that are not known here: one TV's push must
            # not refuse the others'.
            for waiting in batch:
                await self._send_alone(waiting)
            return
        if len(response.results) != len(batch):
            raise OmegaError(
                ErrorCode.INTERNAL, detail=f"{len(response.results)} of {len(batch)} results"
            )
        for waiting, result in zip(batch, response.results, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(result)

    async def _send_alone(self, waiting: _Waiting) -> None:
        try:
            await self._send([waiting])
        except OmegaError as error:
            _refuse([waiting], error)


def _refuse(those: Sequence[_Waiting], error: Exception) -> None:
    for waiting in those:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
