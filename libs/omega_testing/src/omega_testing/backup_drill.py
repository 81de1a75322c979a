"""A shard under load that is backed up, loses its server, and goes on from the backup.

What is held to: every push that was acknowledged before the backup began is in the restored shard
once, every push that is acknowledged afterwards is, too, rounds go on, and TVs that hold a newer
state than the backup's get news.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_client import BrainClient, ConstellationClient, FederationClient, ServiceError
from omega_core.content import Content
from omega_testing import household_rows
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess
from omega_testing.shard_site import Load, ShardSite

_DATABASE = "shard"
_SETTLE_SECONDS = 120.0
_TITLES_AN_EVENING = 4
_LAST_ANSWERS = 1.0
"""Seconds after which a server that was killed has no more answers on the way."""
_PG_BIN = "--pg-bin"


@dataclass(frozen=True)
class Plan:
    """What happens."""

    titles: Sequence[Content] = field(repr=False)
    """Of the catalogue."""
    publish: Callable[[ConstellationClient], None] = field(repr=False)
    """Brings catalogue and codebook into the shard."""
    devices: int = 60
    """That push without end."""
    tvs: int = 3
    """Real brains beside them."""
    threads: int = 3
    """Of the load."""
    seconds: float = 5.0
    """Load before the backup, and after each step."""


@dataclass
class Report:
    """What was done and found."""

    acknowledged_before: int = 0
    """Pushes that were answered before the backup began."""
    acknowledged_during: int = 0
    """While it was made."""
    since: int = 0
    """Pushes that were answered after it began and before the server was lost."""
    since_kept: int = 0
    """Of those, in the backup."""
    lost: int = 0
    """Of those before it began, missing in the restored shard: must be 0."""
    twice: int = 0
    """Pushes that the restored shard holds more than once: must be 0."""
    acknowledged_after: int = 0
    """Pushes that the restored shard answered."""
    lost_after: int = 0
    """Of those, missing in the end: must be 0."""
    backup_seconds: float = 0.0
    """How long the backup took."""
    backup_bytes: int = 0
    """Size of its dump."""
    restore_seconds: float = 0.0
    """How long the restore took."""
    state_in_backup: int = 0
    """Version of the collective state in it."""
    state_held: int = 0
    """Newest version that TVs held when the server was lost."""
    state_after: int = 0
    """Version after the first round of the restored shard."""
    held: int = 0
    """TVs whose own rows are those of the others, and whose sketches that were acknowledged before
    the backup, or by the restored shard, are rows of it: must be all."""
    tvs: int = 0
    """TVs that there are."""
    wrong: list[str] = field(default_factory=list)
    """What did not hold beside that, a sentence each: must be empty."""

    def ok(self) -> bool:
        """Whether all held."""
        tried = self.acknowledged_before and self.acknowledged_during and self.acknowledged_after
        held = 0 < self.held == self.tvs
        newer = self.state_after > self.state_held > self.state_in_backup > 0
        return bool(tried and newer and held) and not (
            self.lost or self.twice or self.lost_after or self.wrong
        )


class BackupDrill:
    """Runs a plan.

    Args:
        plan: what happens.
        root: where all of it lies.
        say: told of each step.
    """

    def __init__(self, plan: Plan, root: Path, say: Callable[[str], None]) -> None:
        self._plan, self._root, self._say = plan, root, say
        self._report = Report()
        self._told: Counter[int] = Counter()
        self._backup = root / "backup"

    def run(self) -> Report:
        """All of it."""
        with ExitStack() as stack:
            self._stack = stack
            self._say("a shard under load")
            first = stack.enter_context(EmbeddedPostgres())
            self._begin(first)
            self._say("a backup while pushes go on")
            before = self._back_up(first)
            self._say("the fleet goes on: a TV comes, and rounds publish what no backup has")
            self._go_on()
            self._say("the server is lost; the backup goes into another one")
            first.kill()
            time.sleep(_LAST_ANSWERS)
            lost_at = set(self._load.acknowledged)
            self._gone = self._sketches()
            second = stack.enter_context(EmbeddedPostgres())
            self._put_back(second, before, lost_at)
            self._say("the services start on it")
            self._resume(lost_at)
        return self._report

    def _begin(self, server: EmbeddedPostgres) -> None:
        plan = self._plan
        self._site = site = self._stack.enter_context(ShardSite(self._root))
        self._shard = site.add("only", server.create_database(_DATABASE))
        with self._shard.client() as client:
            plan.publish(client)
        self._gateway = gateway = site.gateway("only")
        self._load = load = Load(lambda: gateway.address)
        load.register(plan.devices)
        load.start(plan.threads)
        self._stack.callback(load.stop)
        self._tvs = [self._tv(number) for number in range(plan.tvs)]
        self._evening()
        self._report.state_in_backup = self._round()
        time.sleep(plan.seconds)

    def _back_up(self, server: EmbeddedPostgres) -> set[tuple[str, str]]:
        """What was acknowledged before it began."""
        report, load = self._report, self._load
        before = set(load.acknowledged)
        self._kept = self._sketches()
        manifest = self._omega("create", self._shard.database_url, server)
        report.acknowledged_before = len(before)
        report.acknowledged_during = len(load.acknowledged) - len(before)
        report.backup_bytes = int(str(manifest["dump_bytes"]))
        report.backup_seconds = self._seconds
        if manifest["state_version"] != report.state_in_backup:
            report.wrong.append(f"the backup holds state {manifest['state_version']}")
        return before

    def _go_on(self) -> None:
        self._tvs.append(self._tv(len(self._tvs)))
        for _ in range(2):
            self._evening()
            self._report.state_held = self._round()
        time.sleep(self._plan.seconds)

    def _put_back(
        self,
        server: EmbeddedPostgres,
        before: set[tuple[str, str]],
        lost_at: set[tuple[str, str]],
    ) -> None:
        report = self._report
        url = server.create_database(_DATABASE)
        self._refuses_damage(server)
        self._omega("restore", url, server)
        report.restore_seconds = self._seconds
        self._shard.database_url = url
        stored = self._site.pushes()
        report.lost = len(before - stored.keys())
        report.twice = sum(times - 1 for times in stored.values())
        report.since = len(lost_at - before)
        report.since_kept = len((lost_at - before) & stored.keys())
        self._refuses_to_overwrite(url, server)

    def _resume(self, lost_at: set[tuple[str, str]]) -> None:
        report, load = self._report, self._load
        self._shard.restart()
        self._until(lambda: len(load.acknowledged) > len(lost_at), "a push was acknowledged")
        time.sleep(self._plan.seconds)
        load.stop()
        after = load.acknowledged - lost_at
        self._evening()
        report.state_after = self._round()
        report.acknowledged_after = len(after)
        stored = self._site.pushes()
        report.lost_after = len(after - stored.keys())
        report.twice += sum(times - 1 for times in stored.values())
        self._compare()
        report.wrong += load.faults
        deeds = [action for (action,) in self._shard.rows("SELECT action FROM audit")]
        if deeds.count("RestoreBackup") != 1:
            report.wrong.append(f"the log of deeds says {deeds}")

    def _tv(self, number: int) -> ServiceProcess:
        return self._stack.enter_context(
            ServiceProcess(
                ["omega-brain"],
                {
                    "OMEGA_BRAIN_STORAGE_PATH": str(self._root / f"tv{number}"),
                    "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
                    "OMEGA_BRAIN_ENCODER": "lexical",
                    "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{self._gateway.address}",
                    **AT_ONCE,
                    "OMEGA_BRAIN_MIN_SAMPLES": "1",
                },
                directory=self._root / f"tv{number}.log",
            )
        )

    def _evening(self) -> None:
        """Every household watches, and its TV reports all of it."""
        for number, tv in enumerate(self._tvs):
            with BrainClient(tv.address) as client:
                self._until(partial(self._synced, client), "a TV synced")
                for _ in range(_TITLES_AN_EVENING):
                    at = self._told[number]
                    event = brain_pb.ObserveEventRequest(
                        event_id=f"tv{number}-{at}",
                        content_id=self._plan.titles[at + number].content_id,
                        watch_percentage=1.0,
                    )
                    client.observe_event(event)
                    self._told[number] += 1
                self._until(partial(self._reported, client, number), "a TV reported all of it")

    def _reported(self, client: BrainClient, number: int) -> bool:
        synced = self._synced(client)
        return synced and client.get_stats().sketches_acknowledged == self._told[number]

    def _holds(self, client: BrainClient, version: object) -> bool:
        return self._synced(client) and client.get_stats().state_version == version

    def _synced(self, client: BrainClient) -> bool:
        try:
            client.sync_now()
        except ServiceError:
            time.sleep(1)
            return False
        return True

    def _round(self) -> int:
        """A round, after which every TV holds what it published; the version."""
        environ = {
            "OMEGA_FEDERATION_DATABASE_URL": self._shard.database_url,
            "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
            "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
        }
        request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
        with (
            ServiceProcess(["omega-federation-worker"], environ) as worker,
            FederationClient(worker.address) as client,
        ):
            client.run_round(request)
        ((version,),) = self._shard.rows("SELECT max(version) FROM states")
        for tv in self._tvs:
            with BrainClient(tv.address) as brain:
                self._until(partial(self._holds, brain, version), f"a TV held state {version}")
        return int(str(version))

    def _compare(self) -> None:
        """All TVs hold the same patterns, to the bit, and the shard what it acknowledged."""
        bodies = self._shard.rows("SELECT sketches FROM pushes")
        stored = household_rows.stored(bytes(body) for (body,) in bodies)  # type: ignore[call-overload]  # a column of bytes
        found = []
        for number, tv in enumerate(self._tvs):
            tv.terminate()
            with closing(sqlite3.connect(self._root / f"tv{number}" / "brain.db")) as database:
                rows = database.execute("SELECT * FROM global_patterns ORDER BY pattern_id")
                found.append(tuple(rows.fetchall()))
        if len(set(found)) != 1 or not min(found):
            self._report.wrong.append(f"TVs hold {len(set(found))} different states")
        self._report.tvs = len(self._tvs)
        for number, sent in enumerate(self._sketches()):
            # What came between backup and loss is lost with the server, and said to be.
            kept = self._kept[number] if number < len(self._kept) else set()
            after = sent - self._gone[number]
            whole = bool(after) and all(stored[sketch] == 1 for sketch in kept | after)
            self._report.held += whole and bool(found[number]) and found[number] == found[0]

    def _sketches(self) -> list[set[bytes]]:
        """Of each TV, those that it counts as acknowledged."""
        return [
            household_rows.acknowledged(self._root / f"tv{number}")
            for number in range(len(self._tvs))
        ]

    def _refuses_damage(self, server: EmbeddedPostgres) -> None:
        damaged = self._root / "damaged"
        shutil.copytree(self._backup, damaged)
        body = bytearray((damaged / "shard.dump").read_bytes())
        body[len(body) // 2] ^= 1
        (damaged / "shard.dump").write_bytes(body)
        url = server.create_database("damaged")
        done = self._command("restore", url, server, damaged)
        if done.returncode != 1 or "whole" not in done.stderr:
            self._report.wrong.append(f"a damaged backup was taken: {done.stderr}")

    def _refuses_to_overwrite(self, url: str, server: EmbeddedPostgres) -> None:
        done = self._command("restore", url, server, self._backup)
        if done.returncode != 1 or "empty" not in done.stderr:
            self._report.wrong.append(f"a database in use was taken: {done.stderr}")

    def _omega(self, action: str, url: str, server: EmbeddedPostgres) -> dict[str, object]:
        begun = time.monotonic()
        done = self._command(action, url, server, self._backup)
        self._seconds = time.monotonic() - begun
        if done.returncode:
            raise RuntimeError(f"omega backup {action} failed: {done.stderr}")
        manifest: dict[str, object] = json.loads(done.stdout)
        return manifest

    def _command(
        self, action: str, url: str, server: EmbeddedPostgres, folder: Path
    ) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.prefix) / "bin" / "omega"), "backup", action, str(folder)]
        command += ["--database-url", url, _PG_BIN, str(server.programs), "--json"]
        return subprocess.run(
            [*command, *(["--yes"] if action == "restore" else [])],
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {_SETTLE_SECONDS:.0f} s: {what}")
            time.sleep(0.1)
