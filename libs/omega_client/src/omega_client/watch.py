"""Answers that keep coming: one stream that another thread may end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import grpc

from omega_client.errors import service_error
from omega_client.methods import AsItIs, Reader
from omega_core.closing import Closing
from omega_core.errors import OmegaError

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
        reader: what each answer is turned into, and whether it may come here; as it is without.
        raised: grows by what the source of requests raises, which then comes out here.

    Raises:
        ServiceError: while iterating; DEADLINE_EXCEEDED when the time of the watch is over.
        OmegaError: while iterating, from the reader; the call is ended.
    """

    def __init__(
        self,
        answers: Answers[Any],
        reader: Reader[Any, A] | None = None,
        raised: Sequence[Exception] = (),
    ) -> None:
        self._answers = answers
        self._reader: Reader[Any, A] = reader or AsItIs()
        self._raised = raised
        self._closed = threading.Event()

    def __next__(self) -> A:
        if self._closed.is_set():
            raise StopIteration
        try:
            return self._reader.take(next(self._answers))
        except StopIteration:
            self._reader.end()
            raise
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise StopIteration from None
            raise (self._raised[0] if self._raised else service_error(error)) from error
        except OmegaError:
            self.close()
            raise

    def close(self) -> None:
        """Ends the call. May be called twice."""
        self._closed.set()
        self._answers.cancel()
