"""A line between a client and a server that may spoil what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from google.protobuf import descriptor_pool

from omega_core import limits
from omega_core.closing import Closing

_NOT_OURS = ("grpc-", "user-agent", ":")
_OPTIONS = [("grpc.max_receive_message_length", 2 * limits.MAX_MESSAGE)]
_FOR_EVER = 1e8
Metadata = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Spoilt:
    """What is done to calls; each is given the method, "/package.Service/Method", first."""

    request: Callable[[str, bytes], bytes] = lambda _, message: message
    """A message on its way to the server."""
    answer: Callable[[str, bytes], bytes] = lambda _, message: message
    """A message on its way back."""
    metadata: Callable[[str, Metadata], Metadata] = lambda _, metadata: metadata
    """What the client shows."""
    seconds: Callable[[str, float | None], float | None] = lambda _, left: left
    """Time that the server is given; None = for ever."""
    status: Callable[[str, grpc.StatusCode], grpc.StatusCode] = lambda _, code: code
    """How a refused call ends."""
    trailers: Callable[[str, Metadata], Metadata] = lambda _, trailers: trailers
    """What stands behind the answers, details of an error among it."""


class Between(Closing):
    """Passes every call on to a server; a context manager.

    Args:
        target: HOST:PORT of the server.
        spoilt: what is done to calls; nothing without.
        authorities: PEM certificates that sign the server; None = it speaks no TLS.
    """

    def __init__(
        self, target: str, spoilt: Spoilt | None = None, authorities: bytes | None = None
    ) -> None:
        self._spoilt = spoilt or Spoilt()
        if authorities is None:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        else:
            trusted = grpc.ssl_channel_credentials(authorities)
            self._channel = grpc.secure_channel(target, trusted, options=_OPTIONS)
        self._pool = ThreadPoolExecutor(96, thread_name_prefix="between")
        self._server = grpc.server(
            self._pool,
            handlers=[_Every(self._forward, self._forward_one)],
            options=_OPTIONS,
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        """Where it listens."""
        self._server.start()

    def close(self) -> None:
        """Stops it."""
        self._server.stop(None).wait()
        self._channel.close()
        self._pool.shutdown(wait=False)

    def _forward_one(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        call: Any = self._channel.unary_unary(method).future
        (answer,) = self._passed(method, call, self._spoilt.request(method, request), context)
        return answer

    def _forward(
        self, method: str, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        sent = map(partial(self._spoilt.request, method), requests)
        yield from self._passed(method, self._channel.stream_stream(method), sent, context)

    def _passed(
        self, method: str, call: Any, sent: object, context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Answers of a call that goes on to the server, and how it ends."""
        spoilt = self._spoilt
        metadata = tuple(
            (key, value)
            for key, value in context.invocation_metadata()
            if not key.startswith(_NOT_OURS)
        )
        answers: Any = call(
            sent,
            timeout=spoilt.seconds(method, _left(context)),
            metadata=spoilt.metadata(method, metadata),
        )
        context.add_callback(answers.cancel)
        try:
            came = [answers.result()] if isinstance(sent, bytes) else answers
            yield from map(partial(spoilt.answer, method), came)
        except grpc.RpcError:
            # Details of an error travel behind the answers.
            context.set_trailing_metadata(
                spoilt.trailers(method, tuple(answers.trailing_metadata() or ()))
            )
            context.abort(spoilt.status(method, answers.code()), answers.details() or "")
        context.set_trailing_metadata(tuple(answers.trailing_metadata() or ()))


def _left(context: grpc.ServicerContext) -> float | None:
    """Seconds until the call's deadline; grpc takes none for one that is far beyond any."""
    left = context.time_remaining()
    return None if left is None or left > _FOR_EVER else left


class _Every(grpc.GenericRpcHandler):
    """Takes calls of any method: on the wire one message is a stream of one."""

    def __init__(self, forward: Any, forward_one: Any) -> None:
        self._forward, self._forward_one = forward, forward_one

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        method = handler_call_details.method
        if _is_unary(method):
            return grpc.unary_unary_rpc_method_handler(partial(self._forward_one, method))
        return grpc.stream_stream_rpc_method_handler(partial(self._forward, method))


def _is_unary(method: str) -> bool:
    """Whether a method, "/package.Service/Method", is known to stream nothing: it costs less."""
    service, _, name = method[1:].partition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    except KeyError:
        return False
    return not (found.client_streaming or found.server_streaming)
