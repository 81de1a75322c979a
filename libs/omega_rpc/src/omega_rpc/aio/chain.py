"""Puts the gate before every handler of an asynchronous gRPC server."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc_status import rpc_status

from omega_rpc import peers
from omega_rpc.aio.gate import Gate, public
from omega_rpc.call import Caller
from omega_rpc.status import to_status
from omega_rpc.tracing import INFRASTRUCTURE, OK, Served

_NO_DEADLINE = 10.0 * 365 * 86_400
Context = grpc.aio.ServicerContext[Any, Any]


class Chain(grpc.aio.ServerInterceptor):
    """Lets each call pass the gate first. Health and reflection go without."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The method's handler behind the gate; made once a method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            wrapped = await continuation(handler_call_details)
            if wrapped is not None and not method.startswith(INFRASTRUCTURE):
                wrapped = self._wrapped[method] = _wrap(self._gate, method, wrapped)
        return wrapped


def _wrap(
    gate: Gate, method: str, handler: grpc.RpcMethodHandler[Any, Any]
) -> grpc.RpcMethodHandler[Any, Any]:
    codec = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    behaviour: Any = (
        handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    )

    async def single(request: Any, context: Context) -> Any:
        metadata = _metadata(context)
        with gate.served(method, metadata) as served:
            try:
                gate.enter(_caller(method, metadata, context), _left(context))
                answer = await behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - the gate of every call
                await _refuse(context, served, method, error)
            served.outcome = OK
            return answer

    async def conversing(request: Any, context: Context) -> None:
        await single(request, context)

    async def streaming(request: Any, context: Context) -> AsyncIterator[Any]:
        metadata = _metadata(context)
        with gate.served(method, metadata) as served:
            try:
                gate.enter(_caller(method, metadata, context), _left(context))
                async for answer in behaviour(request, context):
                    yield answer
            except Exception as error:  # noqa: BLE001 - the gate of every call
                await _refuse(context, served, method, error)
            served.outcome = OK

    if handler.response_streaming:
        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        # A handler that reads and writes by itself, instead of yielding its answers.
        by_itself = inspect.iscoroutinefunction(behaviour)
        return make(conversing if by_itself else streaming, **codec)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(single, **codec)
    return grpc.unary_unary_rpc_method_handler(single, **codec)


async def _refuse(context: Context, served: Served, method: str, error: Exception) -> None:
    refusal = public(method, error)
    served.outcome = refusal.spec.status
    await context.abort_with_status(rpc_status.to_status(to_status(refusal)))


def _left(context: Context) -> float | None:
    left = context.time_remaining()
    # gRPC tells the end of time where the client set no deadline.
    return None if left is None or not math.isfinite(left) or left > _NO_DEADLINE else left


def _metadata(context: Context) -> dict[str, str]:
    metadata = context.invocation_metadata() or ()
    return {key: value for key, value in metadata if isinstance(value, str)}


def _caller(method: str, metadata: dict[str, str], context: Context) -> Caller:
    return Caller(
        method,
        metadata,
        address=peers.address(context.peer()),
        certificate=peers.certificate(context.auth_context()),
    )
