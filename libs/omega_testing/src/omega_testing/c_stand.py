"""A server in a brain's place that answers every method with bytes, whatever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

Method = Callable[[bytes, grpc.ServicerContext], bytes]


class Stand(grpc.GenericRpcHandler):
    """What the server answers; `answer` may be changed at any time."""

    def __init__(self, address: str) -> None:
        self.address = address
        """HOST:PORT."""
        self.answer: Method = lambda _request, _context: b""
        """Request and context to answer, the same for every method."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """A call of a brain; any other is a defect of the client."""
        if not details.method.startswith("/omega.brain.v1.BrainService/"):
            raise AssertionError(details.method)
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self.answer(request, context)  # noqa: PLW0108 - looked up late
        )


@contextmanager
def standing() -> Iterator[Stand]:
    """A stand on a port of its own."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_send_message_length", -1)])
    stand = Stand(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.add_generic_rpc_handlers([stand])
    server.start()
    try:
        yield stand
    finally:
        server.stop(None).wait()


def aborting(status: grpc.StatusCode, text: str) -> Method:
    """An answer that is a status alone."""

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(status, text)

    return answer
