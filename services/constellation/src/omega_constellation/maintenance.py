"""Keeps the inbox in shape: makes months to come, drops old ones and old minutes of traffic."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from omega_constellation.repeating import Repeating
from omega_core.clock import Clock
from omega_core.errors import OmegaError
from omega_store import Store, inbox, traffic

_log = logging.getLogger(__name__)
_PERIOD_SECONDS = 3_600.0
_RETRY_SECONDS = 60.0


class Maintenance:
    """Works at the start and then each hour; of several replicas, one at a time does it.

    Args:
        store: the shard.
        retention: how long pushes are kept; None = for ever.
        clock: tells what is old.
        ready: whether the shard can be worked on.
    """

    def __init__(
        self,
        store: Store,
        retention: timedelta | None,
        clock: Clock,
        ready: Callable[[], bool],
    ) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock
        self._ready = ready
        self._working = Repeating("maintenance", self._turn, _RETRY_SECONDS)

    def start(self) -> None:
        """Begins."""
        self._working.start()

    def stop(self) -> None:
        """Ends, when the work under way is done. May be called twice, started or not."""
        self._working.stop()

    def work(self) -> None:
        """Does all that is due.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE, also where a long transaction is in the way: what is
                left is done at the next attempt.
        """
        now = self._clock.now()
        with self._store.transaction("make months") as conn:
            if not inbox.maintaining(conn):
                return
            if made := inbox.make_months(conn, now):
                _log.info("months made in the inbox: %d", made)
        if self._retention is not None:
            with self._store.transaction("drop months") as conn:
                if inbox.maintaining(conn) and (
                    dropped := inbox.drop_months(conn, now - self._retention)
                ):
                    _log.info("months dropped from the inbox: %d", dropped)
        with self._store.transaction("forget traffic") as conn:
            traffic.forget(conn, now)

    def _turn(self) -> float:
        try:
            if not self._ready():
                return _RETRY_SECONDS
            self.work()
        except OmegaError as error:
            _log.warning("maintenance is put off: %s", error)
            return _RETRY_SECONDS
        return _PERIOD_SECONDS
