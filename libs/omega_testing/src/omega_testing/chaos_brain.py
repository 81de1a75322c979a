"""One TV whose brain is killed, broken and starved between and during its restarts."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.errors import ErrorCode
from omega_delta import content_to_proto
from omega_embed.recipe import MINILM
from omega_embed.store import default_cache_dir, model_dir
from omega_testing import chaos_faults
from omega_testing.chaos_ledger import Ledger
from omega_testing.chaos_traffic import Readers, Serving, Tally, Writer
from omega_testing.chaos_truth import Truth
from omega_testing.processes import ServiceProcess

PHASES = {
    "start": 3,
    "events": 5,
    "upsert": 3,
    "clear": 1,
    "loops": 3,
    "backup": 2,
    "full disk": 2,
    "orderly stop": 2,
}
"""When a life ends, and how often of all."""
FAULTS = {"none": 60, "index": 18, "database": 9, "log": 6}
"""What happens to its files afterwards, and how often."""
SPARED = "damage that spared all data"
"""Counted where there is nothing to repair."""
_CYCLE = 40
_MODEL = {30: "minilm", 31: "minilm", 32: "gone", 33: "minilm", 34: "goes", 35: "gone"}
"""Which encoder a life has, by its number in a cycle of lives; lexical where nothing stands."""


@dataclass(frozen=True)
class Course:
    """One life."""

    phase: str
    """One of PHASES."""
    fault: str
    """One of FAULTS."""


@dataclass(frozen=True)
class ChaosPlan:
    """How much chaos."""

    restarts: int
    """Lives of the brain."""
    seed: int
    """Of everything that is drawn."""
    longest: float = 0.8
    """Seconds of traffic before a life ends."""
    minilm: bool = True
    """Whether some lives have the sentence model, where it is installed."""


class Chaos:
    """One TV.

    Args:
        folder: its files.
        titles: its catalogue.
        plan: how much.
        tally: what is counted.
        told: called after each life.
        courses: the first lives; those beyond are drawn.
    """

    def __init__(
        self,
        folder: Path,
        titles: Sequence[Content],
        plan: ChaosPlan,
        tally: Tally,
        told: Callable[[], None] = lambda: None,
        courses: Sequence[Course] = (),
    ) -> None:
        self._storage = folder / "tv"
        self._logs = folder / "log"
        self._cache = folder / "cache"
        self._address = f"unix:{folder}/brain.sock"
        self._titles = titles
        self._plan = plan
        self._tally = tally
        self._told = told
        self._courses = courses
        self._rng = random.Random(plan.seed)  # noqa: S311 - draws faults, guards no secret
        self.ledger = Ledger()
        """What was acknowledged."""
        self._serving = Serving()
        self._truth = Truth(self.ledger, titles, tally, self._rng, self._logs / "omega-brain.log")
        self._life = 0
        installed = model_dir(default_cache_dir(), MINILM.model_version)
        self._model = installed if plan.minilm and installed.exists() else None

    def run(self) -> Ledger:
        """All of it; the ledger at its end."""
        self._first()
        readers = Readers(self._address, self._titles, self._serving, self._tally, self._plan.seed)
        try:
            for life in range(1, self._plan.restarts + 1):
                self._life = life
                course = self._course()
                self._live(course.phase)
                self._break(course.fault)
                self._told()
            with self._started() as process:
                self._truth.hold(process.address, self._life, everything=True)
                self._serving.end()
        finally:
            readers.stop()
        self._tally.add("events acknowledged", self.ledger.acknowledged)
        return self.ledger

    def _first(self) -> None:
        """Fills the catalogue and stops in order, so that there is a backup."""
        with ServiceProcess(["omega-brain"], self._environ("lexical")) as process:
            self._fill(process)
            process.terminate()

    def _course(self) -> Course:
        if self._life <= len(self._courses):
            return self._courses[self._life - 1]
        return Course(self._draw(PHASES), self._draw(FAULTS))

    def _draw(self, weights: dict[str, int]) -> str:
        return self._rng.choices(list(weights), list(weights.values()))[0]

    def _environ(self, encoder: str) -> dict[str, str]:
        return {
            "OMEGA_BRAIN_STORAGE_PATH": str(self._storage),
            "OMEGA_BRAIN_LISTEN": self._address,
            "OMEGA_BRAIN_ENCODER": "lexical" if encoder == "lexical" else "auto",
            "OMEGA_BRAIN_RECOMMEND_TIMEOUT_MS": "100",
            "OMEGA_CACHE_DIR": str(self._cache),
        }

    def _encoder(self) -> str:
        return _MODEL.get(self._life % _CYCLE, "lexical") if self._model else "lexical"

    def _started(self, begun: Callable[[int], None] | None = None) -> ServiceProcess:
        encoder = self._encoder()
        place = model_dir(self._cache, MINILM.model_version)
        if encoder == "gone":
            shutil.rmtree(place, ignore_errors=True)
        elif encoder != "lexical" and self._model and not place.exists():
            shutil.copytree(self._model, place)
        return ServiceProcess(
            ["omega-brain"], self._environ(encoder), directory=self._logs, begun=begun
        )

    def _live(self, phase: str) -> None:
        """One life, to its end."""
        self._tally.add(f"killed during: {phase}" if phase != "orderly stop" else phase)
        if phase == "loops":
            self._stop_long_enough()
        early = _Early(self._rng.uniform(0, 2.0), self._serving) if phase == "start" else None
        try:
            process = self._started(early.begin if early else None)
        except RuntimeError as error:
            if not (early and early.killed()):
                self._tally.fail(f"a start failed: {error}")
            self._truth.happened("a start that was killed")
            return
        with process:
            if early and early.killed():
                self._truth.happened("a start that was killed")
                return
            self._serving.begin()
            if early:
                self._serving.end()
                process.kill()
                return
            self._truth.hold(process.address, self._life, everything=self._life % 10 == 0)
            self._check_encoder(process.address)
            prefix = f"{self._plan.seed}-{self._life}"
            writer = Writer(
                self._address,
                self._titles,
                self.ledger,
                self._serving,
                self._tally,
                prefix,
                room=phase != "full disk",
            )
            try:
                self._end(phase, process)
            finally:
                self._serving.end()
                process.kill()
                writer.stop()
        if phase == "orderly stop" and not process.running():
            self.ledger.backed_up()

    def _end(self, phase: str, process: ServiceProcess) -> None:
        """Lets traffic flow and ends the process in the way of the phase."""
        if self._encoder() == "goes":
            shutil.rmtree(model_dir(self._cache, MINILM.model_version), ignore_errors=True)
        pause = self._rng.uniform(0.02, self._plan.longest)
        also: threading.Thread | None = None
        if phase == "upsert":
            also = self._meanwhile(self._upsert)
        elif phase == "clear":
            time.sleep(pause / 2)
            also = self._meanwhile(self._clear)
        elif phase == "full disk":
            self._fill_disk(process, pause)
        elif phase in {"backup", "orderly stop"}:
            time.sleep(pause)
            self._serving.end()
            self._stop(process, in_order=phase == "orderly stop")
            return
        elif phase == "loops":
            time.sleep(pause)
            self._count_cycles()
        time.sleep(pause)
        if also and phase == "clear" and self._rng.random() < 0.6:  # noqa: PLR2004 - most may end
            also.join()
            time.sleep(pause)
        self._serving.end()
        process.kill()
        if also:
            also.join()

    def _stop(self, process: ServiceProcess, *, in_order: bool) -> None:
        """SIGTERM, whose last act is a backup; killed on the way unless it may end in order."""
        if in_order:
            code = process.terminate()
            if code:
                self._tally.fail(f"an orderly stop ended with {code}: {process.log()[-500:]}")
            return
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(self._rng.uniform(0, 0.4))
        process.kill()

    def _stop_long_enough(self) -> None:
        """A short life that stops in order, and a pause after which every loop is overdue."""
        try:
            with self._started() as process:
                self._serving.begin()
                self._truth.hold(process.address, self._life, everything=False)
                self._check_encoder(process.address)
                self._serving.end()
                self._stop(process, in_order=True)
        except RuntimeError as error:
            self._tally.fail(f"a start failed: {error}")
            return
        self.ledger.backed_up()
        chaos_faults.age_loops(self._storage)
        self._tally.add("loops made overdue")

    def _meanwhile(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def _upsert(self) -> None:
        """Changes and adds titles until the brain is gone."""
        rng = random.Random(self._plan.seed * 1_000 + self._life)  # noqa: S311 - draws titles
        with BrainClient(self._address, timeout=60) as client, suppress(ServiceError):
            while life := self._serving.now():
                contents = [content_to_proto(each) for each in rng.sample(list(self._titles), 20)]
                for content in contents[:10]:
                    content.description = f"As told in {rng.random()}."
                for content in contents[10:15]:
                    content.content_id = f"chaos:{rng.randrange(100)}"
                try:
                    client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
                    self._tally.add("upserts acknowledged")
                except ServiceError as error:
                    absent = self._encoder() in {"gone", "goes"}
                    if absent and error.reason == ErrorCode.MODEL_UNAVAILABLE:
                        self._tally.add("upserts refused: no model")
                    elif life == self._serving.now():
                        self._tally.fail(f"UpsertContents: {error}")
                    else:
                        raise

    def _clear(self) -> None:
        self.ledger.erasing()
        self._serving.forgets()
        with BrainClient(self._address, timeout=60) as client:
            try:
                answer = client.clear_data()
            except ServiceError as error:
                if self._serving.now():
                    self._tally.fail(f"ClearData: {error}")
                return
        self._serving.forgets()
        self.ledger.erased()
        self._tally.add("erasures acknowledged")
        if answer.remaining:
            self._tally.fail(f"an erasure left {answer.remaining}")

    def _fill_disk(self, process: ServiceProcess, seconds: float) -> None:
        """No file of the process may grow for a while; as on a disk without room."""
        log = self._storage / "brain.db-wal"
        room = (log.stat().st_size if log.exists() else 0) + self._rng.randrange(0, 100_000)
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, before[1]))
        time.sleep(seconds)
        if self._rng.random() < 0.5:  # noqa: PLR2004 - one of two
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)

    def _count_cycles(self) -> None:
        with BrainClient(self._address, timeout=60) as client:
            try:
                stats = client.get_stats()
            except ServiceError as error:
                self._tally.fail(f"GetStats: {error}")
                return
        for each in stats.loops:
            self._tally.add(f"cycles seen: {each.name}", each.finished)
            if each.failed:
                self._tally.add(f"cycles failed: {each.name}", each.failed)

    def _break(self, fault: str) -> None:
        if fault == "none":
            return
        if fault == "index":
            done = chaos_faults.damage_index(self._storage, self._rng)
        else:
            self._truth.rewinding()
            damage = {
                "database": chaos_faults.damage_database,
                "log": chaos_faults.damage_log,
            }[fault]
            done = damage(self._storage, self._rng)
            if fault == "database" and chaos_faults.sound(self._storage):
                self._tally.add(SPARED)
        self._tally.add(f"fault: {done}")
        self._truth.happened(done)

    def _check_encoder(self, address: str) -> None:
        """A brain without its model says so, and one with it does not."""
        if not self._model or self._encoder() == "lexical":
            return
        with BrainClient(address, timeout=60) as client:
            stats = client.get_stats()
        (part,) = (part for part in stats.parts if part.name == "encoder")
        unwell = part.mode == pb.MODE_UNHEALTHY
        # A restored backup may be of before the model came.
        absent = self._encoder() == "gone" and self._is_minilm(stats)
        self._tally.add("starts without the model" if absent else "starts with the encoder")
        if unwell != absent or (self._encoder() != "gone" and not self._is_minilm(stats)):
            self._tally.fail(
                f"encoder {self._encoder()}, said to be {pb.Mode.Name(part.mode)},"
                f" {stats.model_version}"
            )

    def _is_minilm(self, stats: pb.GetStatsResponse) -> bool:
        return stats.model_version == MINILM.model_version

    def _fill(self, process: ServiceProcess) -> None:
        with BrainClient(process.address, timeout=60) as client:
            contents = [content_to_proto(title) for title in self._titles]
            client.upsert_contents(pb.UpsertContentsRequest(contents=contents))


class _Early:
    """Kills a process some time after it began, whether it serves or not."""

    def __init__(self, seconds: float, serving: Serving) -> None:
        self._seconds = seconds
        self._serving = serving
        self._timer: threading.Timer | None = None
        self._killed = False

    def begin(self, pid: int) -> None:
        """Waits from now on."""
        self._timer = threading.Timer(self._seconds, self._kill, (pid,))
        self._timer.start()

    def killed(self) -> bool:
        """Whether it did; from now on it does not."""
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        return self._killed

    def _kill(self, pid: int) -> None:
        self._killed = True
        self._serving.end()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
