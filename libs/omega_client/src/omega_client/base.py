"""What the clients share: one channel, a deadline on every call, one kind of error."""

from __future__ import annotations

import copy
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self, TypeVar

import grpc

from omega_client.errors import ServiceError, service_error
from omega_client.methods import Asked, Method
from omega_client.watch import Watch
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
_TRIES = 3
_FIRST_PAUSE = 0.2


class Client(ABC):
    """A channel to one service.

    Args:
        target: HOST:PORT or unix:/absolute/path.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; None = no TLS.

    Raises:
        OmegaError: INVALID_FIELD when the timeout is out of bounds or a TLS file unreadable.
    """

    service: ClassVar[str] = ""
    """Full name of the service, "package.Service"."""

    stub: ClassVar[Any] = None
    """What the contract generates for it; None where a subclass calls without."""

    single: ClassVar[tuple[str, ...]] = ()
    """Methods, as "package.Service/Method", that are never sent twice by themselves: all others are
    repeated twice when the server did not take the call (UNAVAILABLE)."""

    repeats: ClassVar[bool] = True
    """Whether the channel repeats calls by itself; where each needs metadata of its own it does
    not, and calls with one request and one answer are repeated here."""

    pings: ClassVar[bool] = False
    """Whether the channel finds out by itself that the other end has gone silent."""

    bare: ClassVar[bool] = False
    """Whether calls do not tell the id of the call being served here, which would tie them to what
    else the caller does. Their trace is left out by omega_rpc.tracing; they are to be repeated
    here, for repeats by the channel are numbered."""

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        if timeout is not None:
            validate.number("timeout", timeout, 0.001, LONGEST)
        self._timeout = timeout
        self._metadata: Metadata = ()
        self._closed = threading.Event()
        self._channel = self._open(target, tls)
        self._stub: Any = self.stub(self._channel) if self.stub else None

    def within(self, seconds: float) -> Self:
        """The same client with another deadline: `client.within(2).get_stats()`.

        It shares the connection, which closing either of the two ends.

        Args:
            seconds: deadline of every call, 0.001 to a day.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        validate.number("seconds", seconds, 0.001, LONGEST)
        other = copy.copy(self)
        other._timeout = seconds  # noqa: SLF001 - of its own class
        return other

    @abstractmethod
    def _open(self, target: str, tls: ClientTls | None) -> Any:
        """The channel; nothing is dialled before the first call."""

    # One a shape of method; omega_client.methods calls them.

    @abstractmethod
    def _unary_unary(self, method: Method, asked: Asked) -> Any: ...

    @abstractmethod
    def _unary_stream(self, method: Method, asked: Asked) -> Any: ...

    @abstractmethod
    def _stream_unary(self, method: Method, asked: Asked) -> Any: ...

    @abstractmethod
    def _stream_stream(self, method: Method, asked: Asked) -> Any: ...

    def _begin(self, method: Method, asked: Asked, requests: Any) -> Any:
        """Calls a method with a stream on one side or both."""
        seconds = asked.seconds
        return getattr(self._stub, method.name)(
            requests,
            timeout=self._deadline(method.seconds) if seconds is None else calls.remaining(seconds),
            metadata=self._told(self._shown(method, asked)),
        )

    def _shown(self, method: Method, asked: Asked) -> Metadata:
        """Metadata of one attempt."""
        shown = asked.credential
        return (
            *self._metadata,
            *(shown.metadata(f"/{self.service}/{method.name}") if shown else ()),
        )

    def _told(self, metadata: Metadata) -> Metadata:
        """All metadata that a call carries."""
        return metadata if self.bare else with_request_id(metadata)

    def _deadline(self, timeout: float) -> float:
        """Seconds for a call, never past the deadline of the call being served here."""
        return calls.remaining(timeout if self._timeout is None else self._timeout)

    def _ready(self) -> None:
        if self._closed.is_set():
            raise closed()

    def _pauses(self) -> Iterator[float]:
        """Seconds before each further attempt that is made here."""
        for attempt in range(0 if self.repeats else _TRIES - 1):
            yield random.uniform(0, _FIRST_PAUSE * 2**attempt)  # noqa: S311 - spreads load


class ServiceClient(Client, Closing):
    """A client for threads; a context manager. Safe to share between threads."""

    _channel: grpc.Channel

    def close(self) -> None:
        """Ends the calls under way and closes the channel. May be called twice."""
        self._closed.set()
        self._channel.close()

    def _open(self, target: str, tls: ClientTls | None) -> grpc.Channel:
        return connect(target, tls, retries=self.repeats, single=self.single, pings=self.pings)

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        timeout: float,
        metadata: Metadata = (),
    ) -> A:
        """One attempt of a call with one request and one answer."""
        self._ready()
        try:
            return method(request, timeout=self._deadline(timeout), metadata=self._told(metadata))
        except grpc.RpcError as error:
            raise service_error(error) from error

    def _unary_unary(self, method: Method, asked: Asked) -> Any:
        def attempt() -> Any:
            call = getattr(self._stub, method.name)
            shown = self._shown(method, asked)
            return method.reads(self._call(call, asked.request, method.seconds, shown))

        for pause in self._pauses():
            try:
                return attempt()
            except ServiceError as error:
                if not error.not_taken:
                    raise
            self._closed.wait(pause)
        return attempt()

    def _unary_stream(self, method: Method, asked: Asked) -> Any:
        self._ready()
        answers = self._begin(method, asked, asked.request)
        return Watch(answers, method.reads(asked.request))

    def _stream_unary(self, method: Method, asked: Asked) -> Any:
        self._ready()
        raised: list[Exception] = []
        try:
            return method.reads(self._begin(method, asked, _noting(asked.request, raised)))
        except grpc.RpcError as error:
            raise (raised[0] if raised else service_error(error)) from error

    def _stream_stream(self, method: Method, asked: Asked) -> Any:
        self._ready()
        raised: list[Exception] = []
        return Watch(self._begin(method, asked, _noting(asked.request, raised)), raised=raised)


def closed() -> ServiceError:
    """What a call of a closed client raises."""
    return ServiceError(grpc.StatusCode.CANCELLED.name, message="the client is closed")


def with_request_id(metadata: Metadata = ()) -> Metadata:
    """The metadata with the id of the call being served here, so that logs of both agree."""
    request_id = calls.request_id()
    return (*metadata, ("x-request-id", request_id)) if request_id else metadata


def _noting(requests: Iterable[Q], raised: list[Exception]) -> Iterator[Q]:
    """The requests; what they raise is kept, because grpc drops it."""
    try:
        yield from requests
    except Exception as error:
        raised.append(error)
        raise
