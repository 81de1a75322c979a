"""What the clients share: one channel, a deadline on every call, one kind of error."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Self, TypeVar

import grpc

from omega_client.errors import service_error
from omega_core import validate
from omega_rpc import call as calls
from omega_rpc.channel import connect
from omega_rpc.tls import ClientTls

Q = TypeVar("Q")
A = TypeVar("A")
Metadata = tuple[tuple[str, str | bytes], ...]
LONGEST = 86_400.0
"""Longest deadline, in seconds."""


class ServiceClient:
    """A channel to one target; a context manager. Safe to share between threads.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; None = no TLS.

    Raises:
        OmegaError: INVALID_FIELD when the timeout is out of bounds or a TLS file unreadable.
    """

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        if timeout is not None:
            validate.number("timeout", timeout, 0.001, LONGEST)
        self._timeout = timeout
        self._channel = connect(target, tls)

    def close(self) -> None:
        """Ends the calls under way and closes the channel. May be called twice."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        timeout: float,
        metadata: Metadata = (),
    ) -> A:
        try:
            return method(
                request, timeout=self._deadline(timeout), metadata=_with_request_id(metadata)
            )
        except grpc.RpcError as error:
            raise service_error(error) from error

    def _stream(
        self,
        method: grpc.UnaryStreamMultiCallable[Q, A],
        request: Q,
        timeout: float,
        metadata: Metadata = (),
    ) -> Generator[A, None, None]:
        """Yields the answers; closing the generator cancels the call."""
        answers = method(
            request, timeout=self._deadline(timeout), metadata=_with_request_id(metadata)
        )
        try:
            yield from answers
        except grpc.RpcError as error:
            raise service_error(error) from error
        finally:
            answers.cancel()

    def _deadline(self, timeout: float) -> float:
        """Seconds for a call, never past the deadline of the call being served here."""
        return calls.remaining(timeout if self._timeout is None else self._timeout)


def _with_request_id(metadata: Metadata) -> Metadata:
    """The metadata with the id of the call being served here, so that logs of both agree."""
    request_id = calls.request_id()
    return (*metadata, ("x-request-id", request_id)) if request_id else metadata
