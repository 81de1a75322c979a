"""The gate at which loops make way for recommendations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class RecommendationGate:
    """Counts recommendations that wait or are being made. It never holds one up."""

    def __init__(self) -> None:
        self._clear = threading.Condition()
        self._present = 0

    @contextmanager
    def recommendation(self) -> Iterator[None]:
        """Loops stop at their next step, and start nothing, while the block runs."""
        with self._clear:
            self._present += 1
        try:
            yield
        finally:
            with self._clear:
                self._present -= 1
                if not self._present:
                    self._clear.notify_all()

    @property
    def busy(self) -> bool:
        """Whether a recommendation is present."""
        return self._present > 0

    def wait_clear(self, seconds: float) -> bool:
        """Waits until none is present, at most `seconds`; False when one still is."""
        with self._clear:
            return self._clear.wait_for(lambda: not self._present, seconds)
