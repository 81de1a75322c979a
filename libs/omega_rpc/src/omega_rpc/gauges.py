"""Gauges of what costs a query to know: asked for when somebody collects, and not before."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from opentelemetry.metrics import CallbackOptions, Observation

from omega_core.errors import OmegaError

T = TypeVar("T")
Told = Iterable[tuple[float, Mapping[str, str]]]
"""Values of a gauge with their attributes."""

_log = logging.getLogger(__name__)
_GOOD_SECONDS = 5.0
"""Time for which one look serves: for all gauges of a collection, and several collectors."""


class Figures(Generic[T]):
    """Figures that one look gives, and that gauges tell; made once, by a module.

    Args:
        what: they are, for the log.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._answering: set[Looker[T]] = set()
        self._told: T | None = None

    def observing(
        self, told: Callable[[T], Told]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        """What an observable gauge that tells of them calls."""

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            for seen in self._seen():
                yield from (Observation(value, attributes) for value, attributes in told(seen))

        return observe

    def looker(self, look: Callable[[], T]) -> Looker[T]:
        """What looks for those who collect, between its start() and its stop().

        Args:
            look: gives the figures, or raises OmegaError.
        """
        return Looker(look, self._what, self._answering)

    def tell(self, figures: T) -> None:
        """Takes figures that the process has by itself for those of a look that was done now.

        They are told where nothing looks, too: by a command that ends, to whom it sends metrics.
        """
        self._told = figures
        for each in tuple(self._answering):
            each.take(figures)

    def _seen(self) -> Iterable[T]:
        lookers = tuple(self._answering)
        found = [each.read() for each in lookers] if lookers else [self._told]
        return [each for each in found if each is not None]


class Looker(Generic[T]):
    """Looks when somebody collects. Figures.looker() makes it.

    Args:
        look: gives the figures, or raises OmegaError.
        what: they are, for the log.
        answering: those that are asked.
    """

    def __init__(self, look: Callable[[], T], what: str, answering: set[Looker[T]]) -> None:
        self._look, self._what, self._answering = look, what, answering
        self._lock = threading.Lock()
        self._seen: T | None = None
        self._until = 0.0

    def start(self) -> None:
        """Begins to answer collectors."""
        self._answering.add(self)

    def stop(self) -> None:
        """Ends. May be called twice, started or not."""
        self._answering.discard(self)

    def take(self, figures: T) -> None:
        """Takes figures for a look that was done now."""
        with self._lock:
            self._seen, self._until = figures, time.monotonic() + _GOOD_SECONDS

    def read(self) -> T | None:
        """The figures; None while they cannot be known."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._seen = self._look()
                except OmegaError as error:
                    _log.warning("%s are not known: %s", self._what, error)
                    self._seen = None
                self._until = time.monotonic() + _GOOD_SECONDS
            return self._seen
