"""A list that keeps coming: one stream of answers that another thread may end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import grpc

from omega_client.errors import service_error
from omega_core.closing import Closing

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Answers(Protocol[A_co]):
    """The answers of a call under way, as grpc gives them."""

    def __next__(self) -> A_co:
        """The next answer; waits for it."""
        ...

    def cancel(self) -> Any:
        """Ends the call."""
        ...


class Watch(Iterator[A], Closing, Generic[A]):
    """Iterates over the answers of a call until the server ends it, it fails or it is closed.

    A context manager. One thread iterates; any thread may close it, and the one that waits for an
    answer then sees the end of the iteration.

    Args:
        answers: the call.

    Raises:
        ServiceError: while iterating; DEADLINE_EXCEEDED when the time of the watch is over.
    """

    def __init__(self, answers: Answers[A]) -> None:
        self._answers = answers
        self._closed = threading.Event()

    def __next__(self) -> A:
        if self._closed.is_set():
            raise StopIteration
        try:
            return next(self._answers)
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise StopIteration from None
            raise service_error(error) from error

    def close(self) -> None:
        """Ends the call. May be called twice."""
        self._closed.set()
        self._answers.cancel()
