"""Answers that keep coming: one stream that another task may end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import grpc

from omega_client.base import closed
from omega_client.errors import service_error
from omega_client.methods import AsItIs, Reader
from omega_core.closing import AsyncClosing
from omega_core.errors import OmegaError
from omega_rpc.aio.tasks import cancelled_itself

A = TypeVar("A")


class Answers(Protocol):
    """The answers of a call under way, as grpc gives them."""

    async def read(self) -> Any:
        """The next answer; waits for it."""
        ...

    def cancel(self) -> Any:
        """Ends the call."""
        ...


class Watch(AsyncIterator[A], AsyncClosing, Generic[A]):
    """Iterates over the answers of a call until the server ends it, it fails or it is closed.

    As omega_client.Watch: one task iterates, any task of the loop may close it.
    """

    def __init__(
        self,
        answers: Answers,
        reader: Reader[Any, A] | None = None,
        raised: Sequence[Exception] = (),
    ) -> None:
        self._answers = answers
        self._reader: Reader[Any, A] = reader or AsItIs()
        self._raised = raised
        self._closed = asyncio.Event()

    async def __anext__(self) -> A:
        if self._closed.is_set():
            raise StopAsyncIteration
        try:
            answer = await self._answers.read()
            if answer is not grpc.aio.EOF:
                return self._reader.take(answer)
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise StopAsyncIteration from None
            raise (self._raised[0] if self._raised else service_error(error)) from error
        except asyncio.CancelledError:
            if cancelled_itself():
                raise
            if self._closed.is_set():
                raise StopAsyncIteration from None
            raise broken(self._raised) from None
        except OmegaError:
            await self.close()
            raise
        self._reader.end()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Ends the call. May be called twice."""
        self._closed.set()
        self._answers.cancel()


def broken(raised: Sequence[Exception]) -> Exception:
    """Why a call ended that nobody cancelled: by its requests, or because its client was closed."""
    return raised[0] if raised else closed()
