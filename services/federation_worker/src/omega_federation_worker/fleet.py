"""What one process does for a fleet: leads rounds, answers for shards, or both."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from omega_core.clock import Clock
from omega_core.closing import Closing
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.shared_clock import service_clock
from omega_federation_worker import between, metering, shards
from omega_federation_worker.answering import ShardWorker
from omega_federation_worker.config import FederationConfig
from omega_federation_worker.fleet_job import FleetJob
from omega_federation_worker.shards import ShardEntry, Shards
from omega_publish import Copier
from omega_store import Store, pending_on, rounds
from omega_store.rounds import Round, RoundStatus, ShardOutcome

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 0.25
_RECOVERY_SECONDS = 1.0
INDEX = "JOB_COMPLETION_INDEX"
"""Environment variable in which Kubernetes tells a pod of an Indexed Job its index."""


class Fleet(Closing):
    """The shards of a fleet, opened; a context manager.

    Args:
        config: settings with a shards_file.
        clock: stamps the records.

    Raises:
        OmegaError: INVALID_FIELD that names the setting at fault.
    """

    def __init__(self, config: FederationConfig, clock: Clock | None = None) -> None:
        if config.shards_file is None:
            raise invalid("shards_file", "set")
        self.shards: Shards = shards.read(config.shards_file)
        self.stopping = threading.Event()
        self._config = config
        self._turns = threading.BoundedSemaphore(config.threads)
        self._threads: list[threading.Thread] = []
        self._stack = ExitStack()
        self.stores = {
            each.name: self._stack.enter_context(Store.connect(each.database_url, config.store()))
            for each in self.shards.entries
        }
        self.home = self.stores[self.shards.home.name]
        self._records = metering.looker(self.home)
        self._clock = clock or service_clock()
        self.job = FleetJob(
            self.home,
            self.shards,
            config.plan(),
            config.windows(),
            self._clock,
            self.stopping,
        )

    def ready(self) -> bool:
        """Whether the home shard can be worked on."""
        with self.home.statements("look for migrations") as conn:
            return not pending_on(conn)

    def waiting(self) -> Round | None:
        """The round that is asked for and has not begun."""
        with self.home.statements("look for request") as conn:
            return rounds.requested(conn)

    def worker(self, name: str) -> ShardWorker:
        """Answers for a shard."""
        return ShardWorker(
            name,
            self.home,
            self.stores[name],
            self._config.plan(),
            self._config.scratch_directory,
        )

    def answer(self) -> None:
        """Begins to answer for every shard, each from a thread of its own."""
        for name in self.stores:
            self.every(f"shard-{name}", _WAIT_SECONDS, partial(self._turn, self.worker(name)))

    def serve(self) -> None:
        """Begins everything that a long-lived worker does beside its rounds."""
        self.answer()
        # A round that a dead leader left open; the next one, a period later, would wait for it.
        self.every("recovery", _RECOVERY_SECONDS, self.job.recover)
        # Processes that lead a round and end, as CronJobs do, are gone before anybody scrapes them.
        self._records.start()
        config = self._config
        for entry in self.shards.others:
            self.every(f"copies-{entry.name}", config.copy_seconds, self._copier(entry).copy)
        if config.sums_seconds:
            for entry in self.shards.entries:
                worker = self.worker(entry.name)
                self.every(
                    f"sums-{entry.name}", config.sums_seconds, partial(self._count, worker, entry)
                )
        if config.regions_seconds:
            for region in sorted({entry.region for entry in self.shards.entries}):
                merge = partial(between.merge_region, self.home, region)
                self.every(f"region-{region or 'all'}", config.regions_seconds, merge)

    def _count(self, worker: ShardWorker, entry: ShardEntry) -> None:
        # A round's phases come first: what came meanwhile is counted a minute later.
        if not worker.begun():
            with self._turns:
                between.count(worker, self.home, entry.region, self._clock.now())

    def copy(self) -> None:
        """Copies what the home shard gives out to every other one; what cannot be reached waits."""
        for entry in self.shards.others:
            try:
                self._copier(entry).copy()
            except OmegaError as error:
                _log.warning("no copy to shard %s: %s", entry.name, error)

    def _copier(self, entry: ShardEntry) -> Copier:
        return Copier(self.home, self.stores[entry.name], entry.name)

    def _turn(self, worker: ShardWorker) -> None:
        while worker.asked() and not self.stopping.is_set():
            with self._turns:
                if not worker.work():
                    return

    def every(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        """Does something again and again, so many seconds apart, until close()."""

        def run() -> None:
            while not self.stopping.is_set():
                try:
                    work()
                except OmegaError as error:
                    _log.warning("%s: %s", name, error)
                except Exception:  # noqa: BLE001 - a defect must not end the thread
                    _log.exception("%s", name)
                self.stopping.wait(seconds)

        # A daemon: a process that is told to stop does not wait for hours of learning.
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Ends all of it; what a round left open is taken up by the next leader."""
        self.stopping.set()
        self._records.stop()
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._stack.close()


def run_once(config: FederationConfig, *, refresh: bool, answers: bool = True) -> int:
    """Runs one round over all shards, or ends the one that a dead leader left; 0 = published.

    Args:
        config: settings with a shards_file.
        refresh: learn from everything.
        answers: whether this process also answers for the shards; false = others do (run_part).

    Raises:
        OmegaError: why it was not published.
    """
    with Fleet(config) as fleet:
        # Erasures are told with it, before a round looks for them.
        fleet.copy()
        if answers:
            fleet.answer()
        done = fleet.job.recover()
        if done is None or done.status != RoundStatus.SUCCEEDED:
            done = fleet.job.run(str(uuid.uuid4()), refresh=refresh)
        fleet.copy()
    _log.info("round %d: %s %s", done.round_id, done.figures, done.shards)
    return 0


def run_part(config: FederationConfig) -> int:
    """Answers for one shard until a round has ended: one index of an Indexed Job.

    The index, from JOB_COMPLETION_INDEX, counts the names of the shards in order, from 0. It waits
    for a round to begin as long as a round may last.

    Raises:
        OmegaError: INVALID_FIELD that names the index or setting at fault; ROUND_FAILED when no
            round began, or the one that did ended without this shard.
    """
    index = os.environ.get(INDEX, "")
    with Fleet(config) as fleet:
        entries = fleet.shards.entries
        if not index.isdecimal() or int(index) >= len(entries):
            raise invalid(INDEX, f"between 0 and {len(entries) - 1}")
        name = entries[int(index)].name
        begun = _served(fleet, fleet.worker(name), time.monotonic() + config.round_seconds)
        if not begun:
            raise OmegaError(ErrorCode.ROUND_FAILED, detail="no round began in the time of one")
        with fleet.home.statements("find round") as conn:
            ended = rounds.get(conn, begun)
    share = next((each for each in ended.shards if each.shard == name), None)
    if ended.status != RoundStatus.SUCCEEDED or share is None:
        raise OmegaError(ErrorCode.ROUND_FAILED, detail=f"round {begun} was not published")
    if share.outcome != ShardOutcome.INCLUDED:
        raise OmegaError(ErrorCode.ROUND_FAILED, detail=f"round {begun} went on without {name}")
    _log.info("round %d: %s", begun, share)
    return 0


def _served(fleet: Fleet, worker: ShardWorker, until: float) -> int:
    """Answers until the round that is open, or opens, has ended; its id, 0 = none did in time."""
    begun = 0
    while time.monotonic() < until:
        try:
            now = worker.begun()
        except OmegaError as error:
            _log.warning("%s", error)
            now = begun
        if begun and now != begun:
            return begun
        begun = now
        if not worker.work():
            fleet.stopping.wait(_WAIT_SECONDS)
    return 0
