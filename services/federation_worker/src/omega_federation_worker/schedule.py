"""Rounds at a fixed period and rounds that are asked for, from a thread of their own."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_store.rounds import Round

_log = logging.getLogger(__name__)
_NAMESPACE = uuid.UUID("5b1dd4cf-6d56-4f0a-9a52-0f4e3a5e8c11")
_RETRY_SECONDS = 5.0
_LOOK_SECONDS = 1.0
"""Time between two looks for a round that is asked for."""


class Job(Protocol):
    """What runs rounds."""

    def run(self, request_id: str, *, refresh: bool = False) -> Round:
        """The round of a request_id: run now, or the record of the one that ran."""
        ...


class Schedule:
    """Runs a round a period, and every round that is asked for.

    Args:
        job: runs the rounds.
        period_seconds: 0 = only what is asked for.
        clock: tells which period it is.
        ready: whether the shard can be worked on.
        waiting: the round that is asked for and has not begun; None = there is none.
    """

    def __init__(
        self,
        job: Job,
        period_seconds: int,
        clock: Clock,
        ready: Callable[[], bool],
        waiting: Callable[[], Round | None],
    ) -> None:
        self._job = job
        self._ready = ready
        self._waiting = waiting
        self._period = period_seconds
        self._clock = clock
        self._stopping = threading.Event()
        # A daemon: a process that is told to stop does not wait for hours of learning.
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        """Begins with the present period's round, unless it was run."""
        self._thread.start()

    def stop(self) -> None:
        """Begins no further round; a round under way is left to the end of the process."""
        self._stopping.set()

    def _run(self) -> None:
        settled, retry_at = -1, time.monotonic()
        while not self._stopping.is_set():
            # By number: a clock that is set, or moved by a simulation, skips and repeats none.
            number = _number(self._clock.now(), self._period) if self._period else settled
            if number != settled and time.monotonic() >= retry_at:
                if self._attempt(self._round):
                    settled = number
                else:
                    retry_at = time.monotonic() + _RETRY_SECONDS
            self._attempt(self._requested)
            self._stopping.wait(_LOOK_SECONDS)

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Does it; False when it is worth another attempt soon."""
        try:
            if not self._ready():
                return False
            work()
        except OmegaError as error:
            _log.warning("no round: %s", error)
            return error.code not in {ErrorCode.ROUND_CONFLICT, ErrorCode.STORAGE_UNAVAILABLE}
        except Exception:  # noqa: BLE001 - a defect must not end the schedule
            _log.exception("no round")
            return False
        return True

    def _round(self) -> None:
        """Runs the period's round."""
        self._job.run(request_id(self._clock.now(), self._period))

    def _requested(self) -> None:
        """Runs the round that waits longest."""
        if (asked := self._waiting()) is not None:
            self._job.run(asked.request_id, refresh=asked.refresh)


def request_id(now: datetime, period_seconds: int) -> str:
    """The idempotency key of a period: workers of one shard run its round once between them."""
    return str(uuid.uuid5(_NAMESPACE, f"{period_seconds}/{_number(now, period_seconds)}"))


def _number(now: datetime, period_seconds: int) -> int:
    """Number of the period that an instant lies in."""
    return int(now.timestamp()) // period_seconds
