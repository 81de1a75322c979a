"""Shards on servers of their own, which are added, killed, promoted, drained and split under load.

What is held to: every push that a TV counts as acknowledged is stored exactly once over all shards,
and in the end each TV is where the directory places it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from omega_core.directory import ShardEntry
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.shard_site import Load, ShardSite, audit

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

    def run(self) -> Report:
        """All steps, and the audit."""
        plan, report = self._plan, self._report
        with ExitStack() as stack:
            self._say("four servers, and a replica of the second one")
            servers = {n: stack.enter_context(EmbeddedPostgres()) for n in "abcd"}
            urls = {n: server.create_database(_DATABASE) for n, server in servers.items()}
            replica = stack.enter_context(EmbeddedPostgres(standby_of=servers["b"]))
            urls["b"] = servers["b"].either_url(_DATABASE, replica)
            servers["b"].synchronise()
            self._site = site = stack.enter_context(ShardSite(self._folder))
            for name in "abc":
                site.add(name, urls[name])
            site.publish(shard.entry for shard in site.shards.values())
            gateway = site.gateway("a")
            load = Load(lambda: gateway.address)
            load.register(plan.devices)
            load.start(plan.threads)
            stack.callback(load.stop)
            time.sleep(plan.seconds)

            site.add("d", urls["d"])
            self._step("a fourth shard is added", site.publish_all)
            time.sleep(plan.seconds)

            self._say("the primary of b is killed, its replica promoted")
            begun = time.monotonic()
            servers["b"].kill()
            replica.promote()
            self._report.seconds["promotion"] = time.monotonic() - begun
            self._served(load, "b")
            self._report.seconds["b serves again"] = time.monotonic() - begun
            time.sleep(plan.seconds)

            self._step("c is drained", lambda: site.drain("c"))
            part = site.add("a2", servers["a"].create_database("part"))
            split = ShardEntry("a2", part.target, split_of="a")
            self._step("a is split", lambda: site.publish_all(split=split))
            time.sleep(plan.seconds)

            load.stop()
            report.wrong = audit(site, load)
            report.devices = len(load.devices)
            report.acknowledged = len(load.acknowledged)
            report.stored = len(site.pushes())
            report.refused = dict(load.failures)
            report.places = dict(sorted(self._places().items()))
        return report

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
