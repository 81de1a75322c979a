"""Client channels on an event loop; each call on them is spanned and timed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from omega_rpc.channel import credentials_of, options
from omega_rpc.tls import ClientTls
from omega_rpc.tracing import CANCELLED, INFRASTRUCTURE, Called


def connect(
    target: str,
    tls: ClientTls | grpc.ChannelCredentials | None = None,
    *,
    retries: bool = True,
    single: Sequence[str] = (),
    pings: bool = False,
) -> grpc.aio.Channel:
    """Opens a channel, as omega_rpc.channel.connect; call it on the loop that uses it."""
    given = options(target, retries=retries, single=single, pings=pings)
    traced: list[grpc.aio.ClientInterceptor] = [
        _UnaryTraced(),
        _ServerStreamTraced(),
        _ClientStreamTraced(),
        _ExchangeTraced(),
    ]
    credentials = credentials_of(tls)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=given, interceptors=traced)
    return grpc.aio.secure_channel(target, credentials, options=given, interceptors=traced)


# grpc takes an interceptor for the first arity that it knows of it, and for no other.
class _Traced:
    """Spans and times each call, and tells the server of the trace."""

    def __init__(self) -> None:
        # The loop alone would let go of them.
        self._followed: set[asyncio.Task[None]] = set()

    async def _begin(
        self, continuation: Callable[[Any, Any], Awaitable[Any]], details: Any, request: Any
    ) -> Any:
        method = details.method if isinstance(details.method, str) else details.method.decode()
        if method.startswith(INFRASTRUCTURE):
            return await continuation(details, request)
        called = Called(method)
        if fields := called.fields():
            metadata = grpc.aio.Metadata(*(details.metadata or ()), *fields.items())
            details = details._replace(metadata=metadata)
        try:
            call = await continuation(details, request)
        except BaseException:
            called.end(CANCELLED)  # it never began
            raise
        task = asyncio.create_task(_follow(call, called))
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return call


class _UnaryTraced(_Traced, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """One answer."""
        return await self._begin(continuation, client_call_details, request)


class _ServerStreamTraced(_Traced, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Many answers; the call ends when it is done, whoever reads them."""
        return await self._begin(continuation, client_call_details, request)


class _ClientStreamTraced(_Traced, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, an answer."""
        return await self._begin(continuation, client_call_details, request_iterator)


class _ExchangeTraced(_Traced, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many of both."""
        return await self._begin(continuation, client_call_details, request_iterator)


async def _follow(call: Any, called: Called) -> None:
    with called:
        called.outcome = (await call.code()).name
