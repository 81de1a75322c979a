"""Keeps one service running: starts it again when it ends, later each time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)
FIRST_SECONDS = 0.5
"""Pause before a service that ended is started again; twice as long each time."""
LONGEST_SECONDS = 30.0
"""Longest pause."""
SETTLED_SECONDS = 60.0
"""A service that ran so long is started again as if it had never ended before."""
_LOOK_SECONDS = 0.2


class Running(Protocol):
    """A service that was started."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def running(self) -> bool:
        """Whether it has not ended."""
        ...

    def close(self) -> None:
        """Stops it, and returns when it is gone."""
        ...


class Keeper:
    """Keeps one service running, from start() to stop().

    Args:
        name: for the log.
        begin: starts it; RuntimeError or OSError when it does not start.
        tell: is told a line when it ended and when it runs again.
    """

    def __init__(
        self, name: str, begin: Callable[[], Running], tell: Callable[[str], None]
    ) -> None:
        self.name = name
        self._begin = begin
        self._tell = tell
        self._stopping = threading.Event()
        self._process: Running | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keep-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Its process id; None while it does not run."""
        process = self._process
        return process.pid if process and process.running() else None

    def start(self) -> None:
        """Starts the service, and watches over it from then on.

        Raises:
            RuntimeError: it did not start.
        """
        self._process = self._begin()
        self._thread.start()

    def stop(self) -> None:
        """Stops the service; returns when it is gone. May be called twice."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._process:
            self._process.close()

    def _keep(self) -> None:
        pause, begun = FIRST_SECONDS, time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            if self._process and self._process.running():
                continue
            if self._process:
                self._process.close()
                self._process = None
                if time.monotonic() - begun > SETTLED_SECONDS:
                    pause = FIRST_SECONDS
                self._tell(f"{self.name} ended; it is started again in {pause:g} s")
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, LONGEST_SECONDS)
            try:
                begun = time.monotonic()
                self._process = self._begin()
            except (RuntimeError, OSError) as error:
                _log.warning("%s", error)
                self._tell(f"{self.name} did not start; another attempt in {pause:g} s")
            else:
                self._tell(f"{self.name} runs again")
