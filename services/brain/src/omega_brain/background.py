"""Work that nobody asks for: syncs at jittered times, and backups."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from omega_brain.brain import Brain
from omega_brain.syncer import Syncer
from omega_core.errors import OmegaError

_log = logging.getLogger(__name__)
JITTER = (0.5, 1.5)
"""Without word from the server a wait is drawn evenly between these multiples of its mean, so that
a fleet never comes at once."""


class Background:
    """Threads that run from start() to stop()."""

    def __init__(self, brain: Brain, syncer: Syncer) -> None:
        self._brain = brain
        self._syncer = syncer
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins; the first sync comes after a first wait."""
        config = self._brain.config
        if config.sync_target and config.sync_interval_seconds:
            self._run("sync", self._sync)
        self._run("backup", self._backup)

    def stop(self) -> None:
        """Ends; waits for an exchange under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _sync(self) -> None:
        wait = self._own_wait()
        while not self._stopping.wait(wait):
            try:
                # The server's window has its jitter in it.
                wait = max(self._syncer.sync().retry_after_seconds, 1.0)
            except OmegaError as error:
                _log.warning("sync: %s", error)
                wait = self._own_wait()

    def _own_wait(self) -> float:
        mean = self._brain.config.sync_interval_seconds
        return mean * random.uniform(*JITTER)  # noqa: S311 - spreads load, guards no secret

    def _backup(self) -> None:
        interval = self._brain.config.backup_interval_seconds
        while not self._stopping.wait(interval):
            begun = time.perf_counter()
            try:
                self._brain.backup()
            except OmegaError as error:
                _log.warning("backup: %s", error)
            else:
                _log.info("backup took %.2f s", time.perf_counter() - begun)
