"""Puts layers around every handler of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import grpc

from omega_rpc.call import Call
from omega_rpc.layers import Layer
from omega_rpc.tracing import INFRASTRUCTURE


class Chain(grpc.ServerInterceptor):
    """Runs each call inside `layers`, the first outermost. Health and reflection go without."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's handler, whatever its arity."""
        handler = continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(INFRASTRUCTURE):
            return handler
        metadata = {
            key: value
            for key, value in handler_call_details.invocation_metadata or ()
            if isinstance(value, str)
        }

        def enter(stack: ExitStack, context: grpc.ServicerContext) -> None:
            call = Call(method, metadata, context)
            for layer in self._layers:
                stack.enter_context(layer(call))

        return _wrap(handler, enter)


def _wrap(
    handler: grpc.RpcMethodHandler[Any, Any],
    enter: Callable[[ExitStack, grpc.ServicerContext], None],
) -> grpc.RpcMethodHandler[Any, Any]:
    """The same handler with its behaviour inside `enter`."""
    codec = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    behaviour: Any = (
        handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    )

    def single(request: Any, context: grpc.ServicerContext) -> Any:
        with ExitStack() as stack:
            enter(stack, context)
            return behaviour(request, context)

    def streaming(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with ExitStack() as stack:
            enter(stack, context)
            yield from behaviour(request, context)

    if handler.response_streaming:
        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return make(streaming, **codec)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(single, **codec)
    return grpc.unary_unary_rpc_method_handler(single, **codec)
