"""Rounds at a fixed period, from a thread of their own."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import datetime

from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.shared_clock import pause
from omega_federation_worker.job import RoundJob

_log = logging.getLogger(__name__)
_NAMESPACE = uuid.UUID("5b1dd4cf-6d56-4f0a-9a52-0f4e3a5e8c11")
_RETRY_SECONDS = 5.0


class Schedule:
    """Runs a round a period.

    Args:
        job: runs the rounds.
        period_seconds: 0 = none.
        clock: tells which period it is.
        ready: whether the shard can be worked on.
    """

    def __init__(
        self, job: RoundJob, period_seconds: int, clock: Clock, ready: Callable[[], bool]
    ) -> None:
        self._job = job
        self._ready = ready
        self._period = period_seconds
        self._clock = clock
        self._stopping = threading.Event()
        # A daemon: a process that is told to stop does not wait for hours of learning.
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        """Begins with the present period's round, unless it was run."""
        if self._period:
            self._thread.start()

    def stop(self) -> None:
        """Begins no further round; a round under way is left to the end of the process."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            settled = self._round()
            pause(self._clock, self._rest() if settled else _RETRY_SECONDS, self._stopping)

    def _round(self) -> bool:
        """Runs the period's round; False when it is worth another attempt soon."""
        try:
            if not self._ready():
                return False
            self._job.run(request_id(self._clock.now(), self._period))
        except OmegaError as error:
            _log.warning("no round: %s", error)
            return error.code not in {ErrorCode.ROUND_CONFLICT, ErrorCode.STORAGE_UNAVAILABLE}
        except Exception:  # noqa: BLE001 - a defect must not end the schedule
            _log.exception("no round")
            return False
        return True

    def _rest(self) -> float:
        """Seconds to the next period."""
        return self._period - self._clock.now().timestamp() % self._period


def request_id(now: datetime, period_seconds: int) -> str:
    """The idempotency key of a period: workers of one shard run its round once between them."""
    number = int(now.timestamp()) // period_seconds
    return str(uuid.uuid5(_NAMESPACE, f"{period_seconds}/{number}"))
