"""What is closed at the end of a `with` block, and what is started at its beginning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import Self


class Closing(ABC):
    """A context manager that gives itself and closes at the end."""

    @abstractmethod
    def close(self) -> None:
        """Ends it. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClosing(ABC):
    """A Closing on an event loop."""

    @abstractmethod
    async def close(self) -> None:
        """Ends it. May be called twice."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class Starting(Closing):
    """A context manager that starts at the beginning of its block, as a whole or not at all.

    A subclass enters what it starts, and how that ends, into `_stack`.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()

    @abstractmethod
    def _start(self) -> None:
        """Starts it; what it raises ends what was started before."""

    def close(self) -> None:
        """Ends what was started, the last first. May be called twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self
