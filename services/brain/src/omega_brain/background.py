"""Work that nobody asks for: syncs and reports at random times, backups, a look at each part."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from omega_brain.brain import Brain
from omega_brain.heartbeat import BEAT_SECONDS, Heartbeat
from omega_core.errors import OmegaError
from omega_runtime.event_types import ErrorRaised

_log = logging.getLogger(__name__)
FIRST_BACKUP_SECONDS = 60.0
"""Until the first backup of a TV that has none: it is new, or lost power while it erased."""


class Background:
    """Threads that run from start() to stop()."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._heartbeat = Heartbeat(brain)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins; the first sync comes after a first wait."""
        config = self._brain.config
        if config.constellation_url and config.sync_interval_secs:
            self._run("sync", self._brain.syncer.schedule.wait, self._sync_if_due)
        if (reporter := self._brain.pairs.reporter) is not None:
            self._run("pairs", reporter.wait, self._report_pairs)
        self._run("heartbeat", lambda: BEAT_SECONDS, self._beat)
        self._run("backup", self.first_backup, self._backup)

    def stop(self) -> None:
        """Ends, an exchange under way too; waits for a backup under way."""
        self._stopping.set()
        self._brain.pairs.close()
        self._brain.syncer.close()
        for thread in self._threads:
            thread.join()
        self._heartbeat.close()

    def first_backup(self) -> float:
        """Seconds until the next backup; soon where there is none, as on a new TV."""
        usual = float(self._brain.config.backup_interval_seconds)
        there = self._brain.persistence.database.backup_path.exists()
        return usual if there else min(usual, FIRST_BACKUP_SECONDS)

    def _run(self, name: str, first: Callable[[], float], work: Callable[[], float]) -> None:
        """A thread that does `work` again and again; each time it says how long to wait then."""

        def loop() -> None:
            wait = first()
            while not self._stopping.wait(wait):
                try:
                    wait = work()
                except Exception as error:  # noqa: BLE001 - the next try may go well
                    wait = first()
                    if not self._stopping.is_set():
                        told = ErrorRaised(where=name, error=type(error).__name__)
                        self._brain.runtime.events.publish(told)
                        foreign = not isinstance(error, OmegaError)
                        _log.warning("%s: %s", name, error, exc_info=foreign)

        thread = threading.Thread(target=loop, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _sync_if_due(self) -> float:
        # A SyncNow in between has moved the next one.
        return self._brain.syncer.schedule.wait() or self._sync()

    def _sync(self) -> float:
        self._brain.syncer.sync_on_schedule()
        return self._brain.syncer.schedule.wait()

    def _report_pairs(self) -> float:
        reporter = self._brain.pairs.reporter
        if reporter is None:
            raise RuntimeError("nothing is reported here")
        reporter.turn()
        return reporter.wait()

    def _beat(self) -> float:
        self._heartbeat.beat()
        return BEAT_SECONDS

    def _backup(self) -> float:
        begun = time.perf_counter()
        self._brain.backup()
        _log.info("backup took %.2f s", time.perf_counter() - begun)
        return self._brain.config.backup_interval_seconds
