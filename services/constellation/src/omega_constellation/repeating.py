"""Work that is done again and again, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Repeating:
    """Calls a function until it is stopped.

    Args:
        name: of the thread.
        turn: does the work once; returns the seconds until the next time.
        after_defect: seconds until the next time where it raises, which it should not.
        at_first: seconds before the first time.
    """

    def __init__(
        self, name: str, turn: Callable[[], float], after_defect: float, at_first: float = 0.0
    ) -> None:
        self._turn = turn
        self._after_defect = after_defect
        self._at_first = at_first
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether it is to end: a long turn looks."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, when the work under way is done. May be called twice, started or not."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait = self._at_first
        while not self._stopping.wait(wait):
            try:
                wait = self._turn()
            except Exception:  # noqa: BLE001 - a defect of one turn must not end all later ones
                _log.exception("%s failed", self._thread.name)
                wait = self._after_defect
