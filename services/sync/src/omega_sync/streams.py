"""StreamSync: exchanges on open streams, and news that the server sends of its own accord.

A stream costs one task that waits for the TV; timers exist only while there are news to tell.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from opentelemetry import trace
from opentelemetry.context import Context

from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import spans
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import bounds
from omega_rpc.aio.gate import public
from omega_rpc.call import Principal
from omega_rpc.status import code_number
from omega_sync import metering
from omega_sync.core import Holdings, SyncCore
from omega_sync.fleet import Fleet
from omega_sync.stream_limits import StreamLimits

_METHOD = "/omega.sync.v1.SyncService/StreamSync"
_SWEEP_SECONDS = 1.0
_FATAL = frozenset({ErrorCode.UNAUTHENTICATED, ErrorCode.REVOKED})


class Link(Protocol):
    """A stream's two directions, as a transport gives them."""

    async def read(self) -> pb.StreamSyncRequest | None:
        """The next message of the TV; None = it says no more."""
        ...

    async def write(self, response: pb.StreamSyncResponse) -> None:
        """Sends a message; returns when the transport has room for the next."""
        ...


class _Stream:
    """What is known of one open stream."""

    __slots__ = (
        "busy",
        "ending",
        "ends_at",
        "heard_at",
        "holdings",
        "link",
        "lock",
        "principal",
        "task",
        "timer",
        "untold",
    )

    def __init__(self, link: Link, principal: Principal, now: float, ends_at: float) -> None:
        self.link = link
        self.principal = principal
        self.task = asyncio.current_task()
        self.lock = asyncio.Lock()
        self.ends_at = ends_at
        self.heard_at = now
        self.busy = False
        self.ending: OmegaError | bool = False
        self.timer: asyncio.TimerHandle | None = None
        self.holdings: Holdings | None = None
        self.untold = False
        """Whether the TV has yet to acknowledge what it was told last."""

    def end(self, reason: OmegaError | bool = True) -> None:
        """Ends it, after the exchange under way; an error is its status."""
        if not self.ending:
            self.ending = reason
            if not self.busy and self.task is not None:
                self.task.cancel()


class Streams:
    """Every open stream; a part of the server.

    Args:
        core: answers exchanges.
        fleet: the newest versions of each shard; their change is what is told.
        limits: of streams.
        clock: the time of credentials.
        seconds: the time of limits, never going back.
    """

    def __init__(
        self,
        core: SyncCore,
        fleet: Fleet,
        limits: StreamLimits,
        clock: Clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._core = core
        self._fleet = fleet
        self._limits = limits
        self._clock = clock
        self._seconds = seconds
        self._open: set[_Stream] = set()
        self._telling: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._draining = False
        fleet.on_change(self._changed)

    async def start(self) -> Mapping[str, str]:
        """Begins to look after streams."""
        self._sweeper = asyncio.create_task(self._sweep())
        return {}

    async def drain(self) -> None:
        """Ends every stream, one after the other."""
        self._draining = True
        loop = asyncio.get_running_loop()
        for stream in self._open:
            loop.call_later(self._jitter(), stream.end)

    async def stop(self, grace: float) -> None:
        """Ends what is left."""
        del grace
        if self._sweeper is not None:
            self._sweeper.cancel()
        for stream in list(self._open):
            stream.end()

    async def run(self, link: Link, principal: Principal) -> None:
        """Serves a stream until it ends, which is no error unless one is raised.

        Raises:
            OmegaError: OVERLOADED, UPSTREAM_UNAVAILABLE while the server stops, INVALID_FIELD for a
                message that is none, UNAUTHENTICATED and REVOKED when its credentials end.
        """
        if self._draining:
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="the server stops")
        if len(self._open) >= self._limits.most_open:
            raise OmegaError(ErrorCode.OVERLOADED)
        now = self._seconds()
        stream = _Stream(link, principal, now, now + self._limits.longest_seconds)
        self._open.add(stream)
        metering.streams.add(1)
        try:
            await self._serve(stream)
        except asyncio.CancelledError:
            if not stream.ending or stream.task is None:
                raise
            stream.task.uncancel()
        finally:
            self._open.discard(stream)
            metering.streams.add(-1)
            if stream.timer:
                stream.timer.cancel()
        if isinstance(stream.ending, OmegaError):
            raise stream.ending

    async def _serve(self, stream: _Stream) -> None:
        while not stream.ending:
            request = await stream.link.read()
            if request is None:
                return
            stream.heard_at = self._seconds()
            stream.busy = True
            kind = request.WhichOneof("message")
            if kind == "exchange":
                # A trace of its own: the stream's may last a day.
                shown = trace.get_current_span().get_span_context()
                links = [trace.Link(shown)] if shown.is_valid else []
                with spans.span("exchange", context=Context(), links=links):
                    await self._exchange(stream, request.exchange)
            elif kind == "acknowledgement":
                self._acknowledge(stream, request.acknowledgement)
            else:
                raise invalid("message", "an exchange or an acknowledgement")
            stream.busy = False

    async def _exchange(self, stream: _Stream, request: pb.SyncRequest) -> None:
        response = pb.StreamSyncResponse(request_id=request.request_id)
        try:
            self._fleet.check(stream.principal)
            answer = response.answer
            stream.holdings = await self._core.exchange(request, stream.principal, answer)
            stream.untold = bool(answer.delta)
        except Exception as error:
            refusal = public(_METHOD, error)
            if refusal.code in _FATAL:
                raise
            response.refusal.CopyFrom(_refusal(refusal))
        async with stream.lock:
            await stream.link.write(response)

    def _acknowledge(self, stream: _Stream, said: pb.StreamAcknowledgement) -> None:
        version = bounds.version("acknowledgement.state_version", said.state_version)
        if stream.holdings is None:
            raise invalid("message", "an exchange before any acknowledgement")
        stream.holdings = stream.holdings.at(version)
        stream.untold = False
        if self._behind(stream):
            self._tell_later(stream)

    def _changed(self) -> None:
        """There are newer heads or revocations."""
        for stream in list(self._open):
            try:
                self._fleet.check(stream.principal)
            except OmegaError as error:
                stream.end(error)
            else:
                if self._behind(stream):
                    self._tell_later(stream)

    def _behind(self, stream: _Stream) -> bool:
        if stream.holdings is None or stream.untold:
            return False
        heads = stream.holdings.shard.heads.newest
        return heads is not None and stream.holdings.state_version != heads.state_version

    def _tell_later(self, stream: _Stream) -> None:
        if stream.timer is None:
            loop = asyncio.get_running_loop()
            stream.timer = loop.call_later(self._jitter(), self._tell, stream)

    def _tell(self, stream: _Stream) -> None:
        stream.timer = None
        # An exchange under way brings the news itself.
        if stream in self._open and not stream.busy and not stream.ending and self._behind(stream):
            task = asyncio.create_task(self._send_news(stream))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _send_news(self, stream: _Stream) -> None:
        holdings = stream.holdings
        if holdings is None:
            return
        try:
            answer = await self._core.unasked(holdings)
            if not answer.delta:
                return
            async with stream.lock:
                if stream.busy or stream.ending or stream.holdings is not holdings:
                    return
                stream.untold = True
                await stream.link.write(pb.StreamSyncResponse(answer=answer))
        except Exception as error:  # noqa: BLE001 - the next change of heads, or exchange, repeats it
            public(_METHOD, error)

    def _jitter(self) -> float:
        return random.uniform(0, self._limits.spread_seconds)  # noqa: S311 - no secret

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now, today = self._seconds(), self._clock.now().timestamp()
            for stream in list(self._open):
                if 0 < stream.principal.expires_at <= today:
                    stream.end(OmegaError(ErrorCode.UNAUTHENTICATED, detail="credentials ended"))
                elif now >= stream.ends_at or now - stream.heard_at > self._limits.idle_seconds:
                    stream.end()


def _refusal(error: OmegaError) -> pb.StreamRefusal:
    retry_after = Duration()
    retry_after.FromMilliseconds(round(1_000 * error.retry_after))
    return pb.StreamRefusal(
        status=code_number(error),
        reason=error.code.value,
        field=error.field,
        bound=error.bound,
        retry_after=retry_after if error.retry_after else None,
    )
