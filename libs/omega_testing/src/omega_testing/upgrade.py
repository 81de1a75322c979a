"""A release rolled out beside the one before, and taken back: TVs, gateways and constellations.

One database, two gateways, two constellations and four TVs. From step to step one of them is of
the other release; at each step every TV watches and reports, the worker runs a round, and every TV
gets its news. What is held to: no exchange fails while nothing is being replaced, no sketch that a
TV counts as acknowledged is missing from the shard, none is there twice, and all TVs hold the
newest state.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_client import BrainClient, ConstellationClient, FederationClient, ServiceError
from omega_core.content import Content
from omega_rpc.tokens import new_key_line
from omega_testing import household_rows
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess, free_port
from omega_testing.unknown_fields import UnknownFields

SERVICES = ("omega-brain", "omega-sync", "omega-constellation", "omega-federation-worker")
"""What is installed of the release before."""
_SETTLE_SECONDS = 120.0
_NO_LIMITS = {
    "OMEGA_SYNC_DEVICE_SYNCS_PER_MINUTE": "100000",
    "OMEGA_SYNC_DEVICE_SYNC_BURST": "100000",
    "OMEGA_SYNC_DEVICE_CALL_BURST": "100000",
    "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": "10000000",
    "OMEGA_SYNC_NETWORK_CALL_BURST": "1000000",
}
_TITLES_A_STEP = 3


@dataclass(frozen=True)
class Step:
    """What runs at a step.

    TVs 0 and 2 call gateway 0, TVs 1 and 3 gateway 1, and each gateway the constellation of its
    number.
    """

    name: str
    """What is new about it."""
    tvs: str
    """Release of each TV, "o" or "n", four of them."""
    gateways: str
    """Of each gateway, two."""
    constellations: str
    """Of each constellation, two."""
    worker: str
    """Of the federation worker."""
    migrated: bool = True
    """Whether the database has the new schema."""
    unknown: bool = False
    """Whether every message between them carries a field that neither side knows."""


ROLLOUT = (
    Step("all of the release before", "oooo", "oo", "oo", "o", migrated=False),
    Step("old constellation, new schema", "oooo", "oo", "oo", "o"),
    Step("old and new sync, old constellation", "oooo", "on", "oo", "o"),
    Step("old and new brain on each sync", "oonn", "on", "oo", "o"),
    Step("old and new constellation", "oonn", "on", "no", "o"),
    Step("new constellation", "oonn", "on", "nn", "n"),
    Step("unknown fields, both ways", "oonn", "on", "no", "n", unknown=True),
    Step("new sync", "oonn", "nn", "nn", "n"),
    Step("all of this tree", "nnnn", "nn", "nn", "n"),
    Step("servers taken back", "nnnn", "oo", "oo", "o"),
)
"""From one release to the next, and the servers back."""


@dataclass
class Outcome:
    """What a step showed."""

    step: Step
    """What ran."""
    exchanges: int = 0
    """SyncNow calls that went well while nothing was being replaced."""
    failed: list[str] = field(default_factory=list)
    """Those that did not, a reason each: must be empty."""
    repeated: int = 0
    """Exchanges that failed while something was being replaced; each was made up for."""
    acknowledged: int = 0
    """Sketches that the TVs count as acknowledged so far."""
    lost: int = 0
    """Of those, missing from the shard: must be 0."""
    twice: int = 0
    """Sketches that the shard holds more than once: must be 0."""
    state: int = 0
    """Version of the collective state after the step's round."""
    held: int = 0
    """TVs that hold it: must be all."""
    unknown: int = 0
    """Messages that carried an unknown field."""
    faults: list[str] = field(default_factory=list)
    """What was wrong beside that, a sentence each: must be empty."""

    def ok(self) -> bool:
        """Whether all held."""
        whole = self.exchanges > 0 and self.acknowledged > 0 and self.held == len(self.step.tvs)
        carried = self.unknown > 0 or not self.step.unknown
        return whole and carried and not (self.failed or self.lost or self.twice or self.faults)


@dataclass(frozen=True)
class Plan:
    """What is rolled out."""

    previous: Path
    """Virtual environment of the release before."""
    titles: Sequence[Content] = field(repr=False)
    """Of the catalogue."""
    publish: Callable[[ConstellationClient], None] = field(repr=False)
    """Brings catalogue and codebook into the shard."""
    steps: tuple[Step, ...] = ROLLOUT
    """In their order."""


class _Place:
    """Where one service of the fleet runs, whichever release it is of; the address stays."""

    def __init__(self, script: str, folder: Path, previous: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._script, self._folder, self._previous = script, folder, previous
        self._running: tuple[str, Mapping[str, str]] | None = None
        self._process: ServiceProcess | None = None

    def become(self, release: str, environ: Mapping[str, str]) -> None:
        """Replaces the process, in order, unless it is this one already."""
        if self._running == (release, environ):
            return
        self.close()
        prefix = self._script.removeprefix("omega-").partition("-")[0].upper()
        self._process = ServiceProcess(
            [self._script],
            {f"OMEGA_{prefix}_LISTEN": self.address, **environ},
            directory=self._folder,
            prefix=self._previous if release == "o" else None,
        )
        self._running = (release, dict(environ))

    def close(self) -> None:
        """Stops it."""
        if self._process is not None:
            self._process.close()
        self._process = self._running = None


class _Tv:
    """A brain and its household, which likes two thirds of the titles."""

    def __init__(self, number: int, root: Path, plan: Plan) -> None:
        self.number = number
        self.storage = root / f"tv{number}"
        self.place = _Place("omega-brain", root / f"tv{number}.log", plan.previous)
        self._liked = [t for at, t in enumerate(plan.titles) if (at + number) % 3]
        self.told = 0
        """Titles whose viewing was answered."""

    def reported(self, client: BrainClient) -> bool:
        """Whether the fleet has acknowledged every title."""
        return client.get_stats().sketches_acknowledged == self.told

    def watch(self, client: BrainClient) -> None:
        """The next title, until the brain has answered."""
        event = brain_pb.ObserveEventRequest(
            event_id=f"tv{self.number}-{self.told}",
            content_id=self._liked[self.told].content_id,
            watch_percentage=1.0,
        )
        client.observe_event(event)
        self.told += 1


class Upgrade:
    """One rollout.

    Args:
        plan: what is rolled out.
        root: where all of it lies.
        say: told of each step.
    """

    def __init__(self, plan: Plan, root: Path, say: Callable[[str], None]) -> None:
        self._plan, self._root, self._say = plan, root, say
        self._tvs = [_Tv(number, root, plan) for number in range(4)]
        self._gateways = [self._place("omega-sync", n) for n in range(2)]
        self._constellations = [self._place("omega-constellation", n) for n in range(2)]
        self._worker = self._place("omega-federation-worker", 0)
        self._keys = root / "token-keys"
        self._keys.touch(mode=0o600)
        self._keys.write_text(new_key_line() + "\n")

    def run(self) -> list[Outcome]:
        """Every step."""
        outcomes = []
        with ExitStack() as stack:
            self._postgres = stack.enter_context(EmbeddedPostgres())
            for place in (*self._gateways, *self._constellations, self._worker):
                stack.callback(place.close)
            for tv in self._tvs:
                stack.callback(tv.place.close)
            for step in self._plan.steps:
                self._say(step.name)
                outcomes.append(self._take(step))
        return outcomes

    def _take(self, step: Step) -> Outcome:
        outcome = Outcome(step)
        first = not self._tvs[0].told
        with ExitStack() as stack:
            with ExitStack() if first else self._traffic(outcome):
                if step.migrated:
                    self._migrate()
                doors, lines = self._servers(step, stack)
            if first:
                with ConstellationClient(self._constellations[0].address) as client:
                    self._plan.publish(client)
            for tv, release in zip(self._tvs, step.tvs, strict=True):
                tv.place.become(release, _brain(tv, doors[tv.number % 2]))
            for tv in self._tvs:
                self._evening(tv, outcome)
            self._round(outcome)
            self._news(outcome)
            outcome.unknown = sum(line.passed for line in lines)
        self._judge(outcome)
        return outcome

    def _migrate(self) -> None:
        """The new release's migrations; what runs goes on beside it."""
        environ = {"OMEGA_CONSTELLATION_DATABASE_URL": self._postgres.url}
        done = subprocess.run(
            [str(Path(sys.prefix) / "bin" / "omega-constellation"), "--migrate-only"],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the migrations failed:\n{done.stderr}")

    def _servers(self, step: Step, stack: ExitStack) -> tuple[list[str], list[UnknownFields]]:
        """Has everything but the TVs be of its release; addresses for TVs, and lines between."""
        lines: list[UnknownFields] = []

        def line(address: str) -> str:
            if not step.unknown:
                return address
            lines.append(stack.enter_context(UnknownFields(address)))
            return lines[-1].address

        database = self._postgres.url
        for place, release in zip(self._constellations, step.constellations, strict=True):
            place.become(release, {"OMEGA_CONSTELLATION_DATABASE_URL": database})
        for number, (place, release) in enumerate(zip(self._gateways, step.gateways, strict=True)):
            place.become(
                release,
                {
                    "OMEGA_SYNC_TOKEN_KEYS": str(self._keys),
                    "OMEGA_SYNC_CONSTELLATION_TARGET": line(self._constellations[number].address),
                    "OMEGA_SYNC_POLL_SECONDS": "0.1",
                    **_NO_LIMITS,
                },
            )
        self._worker.become(
            step.worker,
            {"OMEGA_FEDERATION_DATABASE_URL": database, "OMEGA_FEDERATION_PERIOD_SECONDS": "0"},
        )
        return [line(place.address) for place in self._gateways], lines

    @contextmanager
    def _traffic(self, outcome: Outcome) -> Iterator[None]:
        """TVs that go on watching and reporting while servers are replaced."""
        over = threading.Event()

        def live(tv: _Tv) -> None:
            with BrainClient(tv.place.address) as client:
                while not over.is_set():
                    # A breaker that opens would refuse a minute of exchanges.
                    over.wait(0.2 if self._found(client, outcome) else 4.0)

        threads = [threading.Thread(target=live, args=(tv,)) for tv in self._tvs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _evening(self, tv: _Tv, outcome: Outcome) -> None:
        """A TV finds its server again, learns of the catalogue, watches, and reports all of it."""
        with BrainClient(tv.place.address) as client:
            deadline = time.monotonic() + _SETTLE_SECONDS
            while not self._found(client, outcome) and time.monotonic() < deadline:
                time.sleep(1)
            for _ in range(_TITLES_A_STEP):
                tv.watch(client)
            self._exchange(client, outcome, lambda: tv.reported(client))

    def _found(self, client: BrainClient, outcome: Outcome) -> bool:
        """One exchange, which may meet a line that is still down from the replacement."""
        try:
            client.sync_now()
        except ServiceError:
            outcome.repeated += 1
            return False
        return True

    def _round(self, outcome: Outcome) -> None:
        request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()))
        with FederationClient(self._worker.address) as client:
            try:
                client.run_round(request)
            except ServiceError as error:
                outcome.faults.append(f"the round failed: {error}")
        with ConstellationClient(self._constellations[0].address) as client:
            outcome.state = client.get_cluster_status().state_version

    def _news(self, outcome: Outcome) -> None:
        for tv in self._tvs:
            with BrainClient(tv.place.address) as client:
                self._exchange(
                    client, outcome, lambda: client.get_stats().state_version == outcome.state
                )
                outcome.held += client.get_stats().state_version == outcome.state

    def _exchange(self, client: BrainClient, outcome: Outcome, done: Callable[[], bool]) -> None:
        """Exchanges until there is no more to do; none may fail."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            try:
                client.sync_now()
            except ServiceError as error:
                outcome.failed.append(str(error))
            else:
                outcome.exchanges += 1
                if done():
                    return
            time.sleep(0.2)
        outcome.faults.append(f"a TV was not done within {_SETTLE_SECONDS:.0f} s")

    def _judge(self, outcome: Outcome) -> None:
        with psycopg.connect(self._postgres.url) as connection:
            rows = connection.execute("SELECT sketches FROM pushes").fetchall()
        stored = household_rows.stored(bytes(body) for (body,) in rows)
        sent = [sketch for tv in self._tvs for sketch in household_rows.acknowledged(tv.storage)]
        outcome.acknowledged = len(sent)
        outcome.lost = sum(sketch not in stored for sketch in sent)
        outcome.twice = sum(count - 1 for count in stored.values())

    def _place(self, script: str, number: int) -> _Place:
        return _Place(script, self._root / f"{script}-{number}", self._plan.previous)


def _brain(tv: _Tv, door: str) -> dict[str, str]:
    return {
        "OMEGA_BRAIN_STORAGE_PATH": str(tv.storage),
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{door}",
        **AT_ONCE,
        "OMEGA_BRAIN_MIN_SAMPLES": "1",
    }
