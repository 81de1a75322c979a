"""Lists that are sent again when they have changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from omega_core.errors import ErrorCode, OmegaError


class Changes:
    """Counts what may have changed lists, and wakes whoever waits for it. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether there will be no more."""
        return self._closed

    def tell(self) -> None:
        """Something may have changed a list."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_beyond(self, count: int, seconds: float) -> int:
        """The count once it is above `count`, or after `seconds`, or once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > count or self._closed, seconds)
            return self._count

    def rest(self, seconds: float) -> float:
        """Returns `seconds` after they have passed, or once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)
        return seconds

    def close(self) -> None:
        """Ends every wait, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Seats:
    """Bounds how many watch at once."""

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Holds one for the block.

        Raises:
            OmegaError: OVERLOADED when none is free.
        """
        if not self._free.acquire(blocking=False):
            raise OmegaError(ErrorCode.OVERLOADED, detail="watchers")
        try:
            yield
        finally:
            self._free.release()
