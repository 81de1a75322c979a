"""Shards on servers of their own, which are added, killed, promoted, drained and split under load.

Meanwhile a federation worker is killed at five points of its rounds. What is held to: every push
that a TV counts as acknowledged is stored exactly once over all shards; in the end each TV is where
the directory places it; and a round over all shards gives what a round gives over one shard that
has every device.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omega.sync.v1.sync_service_pb2 import SyncRequest
from omega_core.directory import ShardEntry
from omega_store import Store, migrate
from omega_store.rounds import RoundStatus, ShardOutcome
from omega_testing.chaos_workers import ChaosWorkers, refresh_alone
from omega_testing.one_result import copy_device, copy_history, differences
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.shard_site import MODEL, Load, ShardSite, audit
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_testing.tastes import LIKED, taste_world

_DATABASE = "shard"
_SETTLE_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """What happens."""

    devices: int = 300
    """TVs."""
    threads: int = 4
    """Of the load."""
    seconds: float = 10.0
    """Load before and after each step."""


@dataclass
class Report:
    """What was done and found."""

    devices: int = 0
    """TVs."""
    acknowledged: int = 0
    """Pushes that were answered."""
    stored: int = 0
    """Pushes that the shards hold."""
    refused: dict[str, int] = field(default_factory=dict)
    """Calls that were to be repeated, by reason."""
    moved: dict[str, int] = field(default_factory=dict)
    """Devices that each step moved."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took."""
    places: dict[str, int] = field(default_factory=dict)
    """Devices of each shard in the end."""
    wrong: list[str] = field(default_factory=list)
    """What did not hold, a sentence each: must be empty."""

    kills: int = 0
    """Times that the worker was killed in a round."""
    counted: dict[str, int] = field(default_factory=dict)
    """Devices and sketches of the last round over all shards, and of that over one."""

    def ok(self) -> bool:
        """Whether all held."""
        return not self.wrong and self.acknowledged > 0 and self.stored >= self.acknowledged


class ChaosShards:
    """Runs a plan.

    Args:
        plan: what happens.
        folder: for secrets and logs.
        say: told of each step.
    """

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._folder = folder
        self._say = say
        self._report = Report()
        self._world = taste_world()
        self._seeds = itertools.count()

    def run(self) -> Report:
        """All steps, and the audit."""
        with ExitStack() as stack:
            self._open(stack)
            self._grow()
            self._fail_over()
            self._shrink_and_split()
            self._load.stop()
            self._audit(stack)
        return self._report

    def _open(self, stack: ExitStack) -> None:
        self._say("four servers, and a replica of the second one")
        servers = {n: stack.enter_context(EmbeddedPostgres()) for n in "abcd"}
        self._servers = servers
        self._urls = {n: server.create_database(_DATABASE) for n, server in servers.items()}
        self._replica = stack.enter_context(EmbeddedPostgres(standby_of=servers["b"]))
        self._urls["b"] = servers["b"].either_url(_DATABASE, self._replica)
        servers["b"].synchronise()
        self._site = stack.enter_context(ShardSite(self._folder))
        for name in "abc":
            self._site.add(name, self._urls[name])
        self._site.publish(shard.entry for shard in self._site.shards.values())
        self._home = stack.enter_context(Store.connect(self._urls["a"]))
        TasteShard(self._home, self._world).publish_catalogue()
        self._workers = stack.enter_context(ChaosWorkers(self._home, self._folder))
        self._workers.names("a", {name: self._urls[name] for name in "abc"})
        self._workers.start()
        gateway = self._site.gateway("a")
        self._load = Load(lambda: gateway.address, self._exchange)
        self._load.register(self._plan.devices)
        self._load.start(self._plan.threads)
        stack.callback(self._load.stop)
        time.sleep(self._plan.seconds)

    def _grow(self) -> None:
        self._site.add("d", self._urls["d"])
        self._workers.names("a", self._urls)
        self._kill("round_plans", "NEW.phase = 'census'")
        self._step("a fourth shard is added", self._site.publish_all)
        time.sleep(self._plan.seconds)

    def _fail_over(self) -> None:
        self._kill("round_parts", "NEW.phase = 'decode' AND NEW.shard = 'b'")
        self._say("the primary of b is killed, its replica promoted")
        begun = time.monotonic()
        self._servers["b"].kill()
        self._replica.promote()
        self._report.seconds["promotion"] = time.monotonic() - begun
        self._served(self._load, "b")
        self._report.seconds["b serves again"] = time.monotonic() - begun
        time.sleep(self._plan.seconds)

    def _shrink_and_split(self) -> None:
        self._kill("round_plans", "NEW.phase = 'expect'")
        self._step("c is drained", lambda: self._site.drain("c"))
        self._urls["a2"] = self._servers["a"].create_database("part")
        part = self._site.add("a2", self._urls["a2"])
        self._workers.names("a", self._urls)
        self._kill("round_plans", "NEW.phase = 'statistics'")
        split = ShardEntry("a2", part.target, split_of="a")
        self._step("a is split", lambda: self._site.publish_all(split=split))
        self._kill("states", "true")
        time.sleep(self._plan.seconds)

    def _audit(self, stack: ExitStack) -> None:
        report = self._report
        report.wrong = audit(self._site, self._load)
        self._workers.settle()
        self._say("a round over all shards, and one over a shard that has every device")
        whole = stack.enter_context(self._whole(self._servers["a"].create_database("whole")))
        report.wrong += self._rounds(whole)
        report.devices = len(self._load.devices)
        report.acknowledged = len(self._load.acknowledged)
        report.stored = len(self._site.pushes())
        report.refused = dict(self._load.failures)
        report.places = dict(sorted(self._places().items()))

    def _exchange(self, device: int) -> SyncRequest:
        """A push of a sketch of one of a household's titles, with noise of its own."""
        seed = next(self._seeds)
        groups = len(self._world.embeddings) // self._world.each
        title = self._world.each * (device % groups) + seed % (self._world.each * 4 // 5)
        return SyncRequest(
            request_id=str(uuid.uuid4()),
            model_version=MODEL,
            sketches=self._world.sketches([title], SIGMA, seed),
            classes=bytes([LIKED]),
        )

    def _kill(self, table: str, condition: str) -> None:
        self._say(f"the worker is killed before a row of {table} where {condition}")
        self._workers.kill_before(table, condition)
        self._report.kills += 1

    @contextmanager
    def _whole(self, url: str) -> Iterator[Store]:
        """One shard with all devices of all shards, and the home shard's history."""
        migrate(url)
        with Store.connect(url) as whole:
            copy_history(self._home, whole)
            for shard in self._site.shards.values():
                with Store.connect(shard.database_url) as source:
                    for (device_id,) in shard.rows("SELECT device_id FROM devices"):
                        copy_device(source, whole, str(device_id))
            yield whole

    def _rounds(self, whole: Store) -> list[str]:
        """What is wrong with a round over all shards."""
        found = self._workers.refresh()
        if found.status != RoundStatus.SUCCEEDED:
            return [f"round {found.round_id} failed: {found.error_code}"]
        wrong = [
            f"shard {share.shard} is {share.outcome.name} in round {found.round_id}"
            for share in found.shards
            if share.outcome != ShardOutcome.INCLUDED
        ]
        alone = refresh_alone(whole)
        for name in ("devices", "sketches", "supported_titles", "decoded"):
            mine, theirs = (getattr(each.figures, name) for each in (found, alone))
            self._report.counted |= {name: mine, f"{name} of one shard": theirs}
            if mine != theirs:
                wrong.append(f"{mine} {name} over all shards, {theirs} over one")
        return wrong + differences(self._home, whole)

    def _step(self, what: str, change: Callable[[], object]) -> None:
        self._say(what)
        before = self._site.devices()
        begun = time.monotonic()
        change()
        self._site.still(_SETTLE_SECONDS)
        self._report.seconds[what] = time.monotonic() - begun
        after = self._site.devices()
        self._report.moved[what] = sum(after.get(d) != places for d, places in before.items())

    def _served(self, load: Load, shard: str) -> None:
        """Waits until a push of a device of this shard is acknowledged that was sent after now."""
        known = len(load.acknowledged)
        theirs = {d for d, places in self._site.devices().items() if places == [shard]}
        before = {key for key in list(load.acknowledged) if key[0] in theirs}
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not any(k[0] in theirs and k not in before for k in list(load.acknowledged)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{shard} serves no device; {known} pushes before")
            time.sleep(0.02)

    def _places(self) -> Counter[str]:
        return Counter(p for places in self._site.devices().values() for p in places)
