"""What the clients share: one channel, a deadline on every call, one kind of error."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import ClassVar, TypeVar

import grpc

from omega_client.errors import service_error
from omega_core import validate
from omega_core.closing import Closing
from omega_rpc import call as calls
from omega_rpc.channel import connect
from omega_rpc.tls import ClientTls

Q = TypeVar("Q")
A = TypeVar("A")
Metadata = tuple[tuple[str, str | bytes], ...]
LONGEST = 86_400.0
"""Longest deadline, in seconds."""


class ServiceClient(Closing):
    """A channel to one target; a context manager. Safe to share between threads.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; None = no TLS.

    Raises:
        OmegaError: INVALID_FIELD when the timeout is out of bounds or a TLS file unreadable.
    """

    single: ClassVar[tuple[str, ...]] = ()
    """Methods, as "package.Service/Method", that are never sent twice by themselves: all others are
    repeated twice when the server did not take the call (UNAVAILABLE)."""

    repeats: ClassVar[bool] = True
    """Whether the channel repeats calls by itself; False where each needs metadata of its own."""

    pings: ClassVar[bool] = False
    """Whether the channel finds out by itself that the other end has gone silent."""

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        if timeout is not None:
            validate.number("timeout", timeout, 0.001, LONGEST)
        self._timeout = timeout
        self._channel = connect(
            target, tls, retries=self.repeats, single=self.single, pings=self.pings
        )

    def close(self) -> None:
        """Ends the calls under way and closes the channel. May be called twice."""
        self._channel.close()

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        timeout: float,
        metadata: Metadata = (),
    ) -> A:
        try:
            return method(
                request, timeout=self._deadline(timeout), metadata=with_request_id(metadata)
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
            request, timeout=self._deadline(timeout), metadata=with_request_id(metadata)
        )
        try:
            yield from answers
        except grpc.RpcError as error:
            raise service_error(error) from error
        finally:
            answers.cancel()

    def _send(
        self,
        method: grpc.StreamUnaryMultiCallable[Q, A],
        requests: Iterable[Q],
        timeout: float,
        metadata: Metadata = (),
    ) -> A:
        """Sends a stream for one answer; what `requests` raises ends the call, comes out here."""
        raised: list[Exception] = []

        def sent() -> Iterator[Q]:
            try:
                yield from requests
            except Exception as error:
                raised.append(error)
                raise

        try:
            return method(
                sent(), timeout=self._deadline(timeout), metadata=with_request_id(metadata)
            )
        except grpc.RpcError as error:
            if raised:
                raise raised[0] from None
            raise service_error(error) from error

    def _deadline(self, timeout: float) -> float:
        """Seconds for a call, never past the deadline of the call being served here."""
        return calls.remaining(timeout if self._timeout is None else self._timeout)


def with_request_id(metadata: Metadata = ()) -> Metadata:
    """The metadata with the id of the call being served here, so that logs of both agree."""
    request_id = calls.request_id()
    return (*metadata, ("x-request-id", request_id)) if request_id else metadata
