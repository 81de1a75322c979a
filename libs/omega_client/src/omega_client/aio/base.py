"""What the clients of an event loop share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Sequence
from typing import Any, TypeVar

import grpc

from omega_client.aio.watch import Watch, broken
from omega_client.base import Client, Metadata
from omega_client.errors import ServiceError, service_error
from omega_client.methods import Asked, Method, Requests
from omega_core.closing import AsyncClosing
from omega_rpc.aio.channel import connect
from omega_rpc.aio.tasks import cancelled_itself
from omega_rpc.tls import ClientTls

Q = TypeVar("Q")
A = TypeVar("A")


class ServiceClient(Client, AsyncClosing):
    """A client for the event loop that it was made on; an asynchronous context manager.

    A task that is cancelled while it waits for an answer ends its call at the server, too.
    """

    _channel: grpc.aio.Channel

    async def close(self) -> None:
        """Ends the calls under way and closes the channel. May be called twice."""
        self._closed.set()
        await self._channel.close()

    def _open(self, target: str, tls: ClientTls | None) -> grpc.aio.Channel:
        return connect(target, tls, retries=self.repeats, single=self.single, pings=self.pings)

    async def _call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        timeout: float,  # noqa: ASYNC109 - a deadline that the server is told
        metadata: Metadata = (),
    ) -> A:
        """One attempt of a call with one request and one answer."""
        self._ready()
        seconds, shown = self._deadline(timeout), self._told(metadata)
        return await _answer(method(request, timeout=seconds, metadata=shown))

    async def _unary_unary(self, method: Method, asked: Asked) -> Any:
        async def attempt() -> Any:
            call = getattr(self._stub, method.name)
            shown = self._shown(method, asked)
            return method.reads(await self._call(call, asked.request, method.seconds, shown))

        for pause in self._pauses():
            try:
                return await attempt()
            except ServiceError as error:
                if not error.not_taken:
                    raise
            await asyncio.sleep(pause)
        return await attempt()

    def _unary_stream(self, method: Method, asked: Asked) -> Any:
        self._ready()
        answers = self._begin(method, asked, asked.request)
        return Watch(answers, method.reads(asked.request))

    async def _stream_unary(self, method: Method, asked: Asked) -> Any:
        self._ready()
        raised: list[Exception] = []
        call = self._begin(method, asked, _noting(asked.request, raised))
        return method.reads(await _answer(call, raised))

    def _stream_stream(self, method: Method, asked: Asked) -> Any:
        self._ready()
        raised: list[Exception] = []
        return Watch(self._begin(method, asked, _noting(asked.request, raised)), raised=raised)


async def _answer(call: Awaitable[A], raised: Sequence[Exception] = ()) -> A:
    """What a call is answered with."""
    try:
        return await call
    except grpc.RpcError as error:
        raise (raised[0] if raised else service_error(error)) from error
    except asyncio.CancelledError:
        if cancelled_itself():
            raise
        raise broken(raised) from None


async def _noting(requests: Requests[Q], raised: list[Exception]) -> AsyncIterator[Q]:
    """The requests; what they raise is kept, because grpc drops it."""
    try:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                yield request
        else:
            for request in requests:
                yield request
    except Exception as error:
        raised.append(error)
        raise
