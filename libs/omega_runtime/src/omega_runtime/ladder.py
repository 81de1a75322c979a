"""Several ways to one answer, from the best to the one that always works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from omega_core import validate
from omega_core.clock import Clock
from omega_core.closing import Closing
from omega_core.errors import invalid
from omega_runtime.breaker import CircuitBreaker, CircuitOpen, Outcome, Permit
from omega_runtime.elapsed import Deadline, Elapsed
from omega_runtime.event_types import AnswerDegraded
from omega_runtime.events import Publish, unheard
from omega_runtime.modes import Mode
from omega_runtime.workers import Job, Workers

_LOG = logging.getLogger(__name__)
Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class Way(Generic[Q, A]):
    """One way to answer."""

    name: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    mode: Mode
    """How good its answers are."""
    answer: Callable[[Q, Deadline], A]
    """Answers a request, or raises. It should look at the deadline between its steps and give up
    when it has passed: nobody reads a late answer. Called from several threads at once."""
    share: float = 0.7
    """How much of the time that is left it may take, 0.05 to 1; the rest is for the ways below."""
    breaker: CircuitBreaker | None = None
    """Skips the way while it is open. A late answer counts as a failure. None on the last way."""

    def __post_init__(self) -> None:
        validate.identifier("name", self.name, 64)
        validate.number("share", self.share, 0.05, 1)


class Why(StrEnum):
    """Why a way did not answer."""

    OPEN = "open"
    """Its breaker, or one further in, refused."""
    FAILED = "failed"
    """It raised."""
    LATE = "late"
    """It did not end in its share of the time."""
    NO_TIME = "no_time"
    """Nothing of the time was left when its turn came."""
    BUSY = "busy"
    """Each of its threads has a call that has not ended, or the ladder is closed."""


@dataclass(frozen=True)
class Fall:
    """A way that did not answer."""

    way: str
    why: Why
    detail: str = ""
    """Kind of the error, or name of the breaker that refused."""


@dataclass(frozen=True)
class Answer(Generic[A]):
    """An answer and where it came from."""

    value: A
    way: str
    mode: Mode
    falls: tuple[Fall, ...]
    """The better ways that did not answer, best first."""


class NoAnswer(Exception):  # noqa: N818 - says what happened
    """Even the last way raised; its error is the cause.

    Attributes:
        falls: the ways above it.
    """

    def __init__(self, falls: tuple[Fall, ...]) -> None:
        super().__init__("no way to answer was left")
        self.falls = falls


@dataclass(frozen=True)
class LadderConfig:
    """Bounds of a ladder."""

    workers: int = 4
    """Threads for each way but the last: its calls that run at once, 1 to 64."""

    def __post_init__(self) -> None:
        validate.integer("workers", self.workers, 1, 64)


class Ladder(Closing, Generic[Q, A]):
    """Answers by the best way that answers in time. Thread-safe.

    Every way but the last runs in threads of its own, so that it can be given up when its share
    of the time is over, and one that hangs takes no thread from another. The last one runs in the
    caller's thread, always, and also when no time is left: it should take next to none and depend
    on nothing that fails.

    Args:
        ways: at least one, best first, each name once; the last has no breaker.
        clock: measures the deadline; a step back of the clock counts as no time.
        config: bounds.
        publish: is told each answer that did not come from the first way.

    Raises:
        OmegaError: INVALID_FIELD for ways.
    """

    def __init__(
        self,
        ways: Sequence[Way[Q, A]],
        clock: Clock,
        config: LadderConfig | None = None,
        *,
        publish: Publish = unheard,
    ) -> None:
        if not ways or len({way.name for way in ways}) < len(ways):
            raise invalid("ways", "one way or more, each name once")
        if ways[-1].breaker is not None:
            raise invalid("ways", "without a breaker on the last one")
        *better, self._last = ways
        count = (config or LadderConfig()).workers
        self._better = [(way, Workers(count)) for way in better]
        self._clock = clock
        self._publish = publish

    def answer(self, request: Q, budget: timedelta) -> Answer[A]:
        """Answers within `budget` and the time that the last way takes.

        Exceptions of the ways are logged and end up in `falls`, also those that are the caller's
        own fault: check a request before it comes here.

        Raises:
            NoAnswer: when the last way raised.
        """
        deadline = Deadline(Elapsed(self._clock), budget)
        falls: list[Fall] = []
        for way, workers in self._better:
            outcome = self._try(way, workers, request, deadline)
            if isinstance(outcome, Fall):
                falls.append(outcome)
            else:
                return self._told(Answer(outcome.result, way.name, way.mode, tuple(falls)))
        try:
            value = self._last.answer(request, deadline)
        except Exception as error:
            raise NoAnswer(tuple(falls)) from error
        return self._told(Answer(value, self._last.name, self._last.mode, tuple(falls)))

    def close(self) -> None:
        """Lets the threads end; answers that are under way are not waited for."""
        for _, workers in self._better:
            workers.close()

    def _try(
        self, way: Way[Q, A], workers: Workers, request: Q, deadline: Deadline
    ) -> Job[A] | Fall:
        """A job that ended with a result, or why there is none."""
        if deadline.passed():
            return Fall(way.name, Why.NO_TIME)
        try:
            permit = way.breaker.admit() if way.breaker else None
        except CircuitOpen as refused:
            return Fall(way.name, Why.OPEN, refused.breaker)
        own = deadline.part(way.share)
        job = workers.start(lambda: way.answer(request, own))
        if job is None:
            _settle(permit, Outcome.NOTHING)
            return Fall(way.name, Why.BUSY)
        if not job.wait(own.remaining()):
            _settle(permit, Outcome.FAILURE)
            return Fall(way.name, Why.LATE)
        _settle(permit, way.breaker.judge(job.error) if way.breaker else Outcome.NOTHING)
        return job if job.error is None else _fall(way.name, job.error)

    def _told(self, answer: Answer[A]) -> Answer[A]:
        if answer.falls:
            falls = tuple((fall.way, str(fall.why)) for fall in answer.falls)
            self._publish(AnswerDegraded(way=answer.way, mode=answer.mode, falls=falls))
        return answer


def _fall(way: str, error: BaseException) -> Fall:
    if isinstance(error, CircuitOpen):
        return Fall(way, Why.OPEN, error.breaker)
    _LOG.warning("the way %s failed", way, exc_info=error)
    return Fall(way, Why.FAILED, type(error).__name__)


def _settle(permit: Permit | None, outcome: Outcome) -> None:
    if permit is not None:
        permit.settle(outcome)
