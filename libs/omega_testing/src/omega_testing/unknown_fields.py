"""A line that adds to every message, both ways, what only a release to come would know."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc

from omega_core import limits
from omega_core.closing import Closing

_FIELD = 536_870_911
"""The largest number of a field; no contract comes near it."""
_TEXT = b"of a release to come"
_NOT_OURS = ("grpc-", "user-agent", ":")
_OPTIONS = [("grpc.max_receive_message_length", 2 * limits.MAX_MESSAGE)]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


EXTRA = _varint(_FIELD << 3 | 2) + _varint(len(_TEXT)) + _TEXT
"""An unknown field on the wire: its number with type 2 (bytes), the length, and the bytes."""


class UnknownFields(Closing):
    """Passes every call on to a server without TLS; a context manager.

    Args:
        target: HOST:PORT of the server.
    """

    def __init__(self, target: str) -> None:
        self.passed = 0
        """Messages that were added to, of both ways."""
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="unknown-fields")
        self._server = grpc.server(self._pool, handlers=[_Every(self._forward)], options=_OPTIONS)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        """Where it listens."""
        self._server.start()

    def close(self) -> None:
        """Stops it."""
        self._server.stop(None).wait()
        self._channel.close()
        self._pool.shutdown(wait=False)

    def _forward(
        self, method: str, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        metadata = tuple(
            (key, value)
            for key, value in context.invocation_metadata()
            if not key.startswith(_NOT_OURS)
        )
        call: Any = self._channel.stream_stream(method)
        answers: Any = call(
            map(self._added, requests), timeout=context.time_remaining(), metadata=metadata
        )
        context.add_callback(answers.cancel)
        try:
            yield from map(self._added, answers)
        except grpc.RpcError:
            # Details of an error travel behind the answers.
            context.set_trailing_metadata(answers.trailing_metadata() or ())
            context.abort(answers.code(), answers.details() or "")
        context.set_trailing_metadata(answers.trailing_metadata() or ())

    def _added(self, message: bytes) -> bytes:
        self.passed += 1
        return message + EXTRA


class _Every(grpc.GenericRpcHandler):
    """Takes calls of any method: on the wire one message is a stream of one."""

    def __init__(self, forward: Any) -> None:
        self._forward = forward

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        return grpc.stream_stream_rpc_method_handler(
            partial(self._forward, handler_call_details.method)
        )
