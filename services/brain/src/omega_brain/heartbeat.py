"""Asks each part how it is when nothing was heard of it, or when it did not work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from omega_brain.answers import RecommendQuery
from omega_core.limits import DIMENSION
from omega_embed import AbsentEncoder
from omega_runtime import CircuitOpen, Part, Status
from omega_runtime.workers import Job, Workers

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_log = logging.getLogger(__name__)
BEAT_SECONDS = 10.0
"""Time between two beats."""
QUIET_SECONDS = 60.0
"""Silence after which a part that works is asked; it would be stale after five times that."""
_AILING = {Status.DEGRADED, Status.UNHEALTHY}


class Heartbeat:
    """Small calls through each part's own guard, so that breakers close and health is the truth.

    Each part is asked in a thread of its own. One that has not answered by the next beat counts as
    failed at each, and is not asked again before it has.

    Args:
        brain: whose parts.
    """

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._workers = Workers(len(Part))
        self._asked: dict[Part, Job[None]] = {}
        self._probes: dict[Part, Callable[[], object]] = {
            Part.INDEX: lambda: brain.index.vectors.search(
                np.eye(1, DIMENSION, 0, np.float32)[0], 1
            ),
            Part.STORE: brain.persistence.contents.current_rev,
            Part.RANKER: lambda: brain.household.rank(RecommendQuery(limit=1), (), None),
        }
        if not isinstance(brain.encoder, AbsentEncoder):
            # One that is gone comes back with the next start.
            self._probes[Part.ENCODER] = lambda: brain.encoder.encode(["."])

    def beat(self) -> list[Job[None]]:
        """Asks those that it is time for, and returns at once with what is under way."""
        begun: list[Job[None]] = []
        runtime = self._brain.runtime
        quiet = runtime.monitor.silent(QUIET_SECONDS)
        for health in runtime.health.parts:
            part = Part(health.name)
            if part is Part.SYNC:
                # Between two exchanges it has nothing to say.
                if part in quiet and not health.consecutive_failures:
                    runtime.monitor.succeeded(part)
            elif part in self._probes and (
                part in quiet or health.consecutive_failures or health.status in _AILING
            ):
                begun += self._ask(part)
        if not self._brain.index.in_step:
            self._brain.follow_index()
        return begun

    def close(self) -> None:
        """Lets the threads end; does not wait."""
        self._workers.close()

    def _ask(self, part: Part) -> list[Job[None]]:
        guard, probe = self._brain.runtime.part(part), self._probes[part]
        asked = self._asked.get(part)
        if asked is not None and not asked.wait(timedelta()):
            self._try(lambda: guard.call(_hangs))
            return []
        job = self._workers.start(lambda: self._try(lambda: guard.call(probe)))
        if job is None:
            return []
        self._asked[part] = job
        return [job]

    def _try(self, ask: Callable[[], object]) -> None:
        try:
            ask()
        except CircuitOpen:
            pass  # Asked again when its time has come.
        except Exception as error:  # noqa: BLE001 - the guard has told it
            _log.debug("a part does not answer: %r", error)


def _hangs() -> NoReturn:
    raise TimeoutError("a call has not ended")
