"""TVs and a shard on both ends of a bad line, which is cut while either side is killed.

What is held to: no sketch that a TV counts as acknowledged is missing from the shard, none is there
twice, and in the end all TVs hold the same state.
"""

from __future__ import annotations

import random
import secrets
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.common.v1 import resource_pb2
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_client import BrainClient, ConstellationClient, FederationClient, ServiceError
from omega_core.content import Content
from omega_rpc import local_authority
from omega_testing.network_lab import SERVER_ADDRESS, NetworkLab
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess

CODEBOOK = resource_pb2.RESOURCE_KIND_CODEBOOK
_PORT = 50071
_SETTLE_SECONDS = 240.0
_ACKNOWLEDGED = 2


@dataclass(frozen=True)
class Plan:
    """What happens."""

    titles: Sequence[Content] = field(repr=False)
    """Of the catalogue; each TV likes a part of them."""
    publish: Callable[[ConstellationClient], None] = field(repr=False)
    """Brings catalogue and codebook into the shard."""
    seed: int = 0
    """Of the faults."""
    tvs: int = 4
    """Brains."""
    seconds: float = 180.0
    """How long faults go on."""
    delay_ms: float = 150.0
    """Of each packet, each way: 300 ms there and back."""
    loss: float = 0.2
    """Share of packets that are lost, each way."""


@dataclass
class Report:
    """What was done and found."""

    seed: int
    """To do it again."""
    exchanges: int = 0
    """SyncNow calls that went well under faults."""
    failures: int = 0
    """Those that did not."""
    partitions: int = 0
    """Times that the line was cut."""
    server_kills: int = 0
    """Of sync or constellation, by SIGKILL."""
    tv_kills: int = 0
    """Of brains, by SIGKILL."""
    likes: int = 0
    """Titles that TVs succeeded with."""
    acknowledged: int = 0
    """Sketches that TVs count as acknowledged."""
    lost: int = 0
    """Of those, missing from the shard: must be 0."""
    twice: int = 0
    """Sketches that the shard counts more than once: must be 0."""
    states: int = 0
    """Different states that TVs hold in the end: must be 1."""
    patterns: int = 0
    """Global patterns in it."""
    seconds: float = 0.0
    """How long all of it took."""
    faults: list[str] = field(default_factory=list)
    """What was wrong beside that, a sentence each."""

    def ok(self) -> bool:
        """Whether all held."""
        whole = self.acknowledged == self.likes > 0 and self.states == 1 and self.patterns > 0
        return whole and not (self.lost or self.twice or self.faults)


class Tv:
    """A brain on the far end, with what its household watches."""

    def __init__(
        self, number: int, start: Callable[[], ServiceProcess], liked: Sequence[Content]
    ) -> None:
        self.number = number
        self.liked = list(liked)
        self.told = 0
        """Titles whose viewing was answered."""
        self._start = start
        self.lock = threading.Lock()
        self.process = start()

    def restart(self) -> None:
        """SIGKILL in the middle of whatever it does, and again."""
        self.process.kill()
        with self.lock:
            self.process.close()
            self.process = self._start()

    def watch(self, client: BrainClient) -> None:
        """The next title, until the brain has answered."""
        if self.told < len(self.liked):
            event = brain_pb.ObserveEventRequest(
                event_id=f"tv{self.number}-{self.told}",
                content_id=self.liked[self.told].content_id,
                watch_percentage=1.0,
            )
            client.observe_event(event)
            self.told += 1


class ChaosSync:
    """One run.

    Args:
        plan: what happens.
        root: where all of it lies; short, since unix sockets are there.
        lab: both ends and the line.
        stack: closes what was opened.
    """

    def __init__(self, plan: Plan, root: Path, lab: NetworkLab, stack: ExitStack) -> None:
        self._plan, self._root, self._lab, self._stack = plan, root, lab, stack
        self._random = random.Random(plan.seed)  # noqa: S311 - faults that can be repeated
        self._report = Report(plan.seed)
        self._counting = threading.Lock()
        self._over = threading.Event()
        self._postgres = stack.enter_context(EmbeddedPostgres())
        self._secrets()
        self._servers = {name: self._serve(name) for name in ("constellation", "sync")}
        self._worker = self._service(
            "omega-federation-worker",
            "federation",
            "worker",
            {
                "OMEGA_FEDERATION_DATABASE_URL": self._postgres.url,
                "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
            },
        )
        stack.callback(self._end)

    def run(self) -> Report:
        """All of it."""
        begun = time.monotonic()
        with ConstellationClient(self._servers["constellation"].address) as client:
            self._plan.publish(client)
        self._tvs = [self._tv(number) for number in range(self._plan.tvs)]
        traffic = [threading.Thread(target=self._live, args=(tv,)) for tv in self._tvs]
        for thread in traffic:
            thread.start()
        self._break_things()
        self._over.set()
        for thread in traffic:
            thread.join()
        self._lab.clear()
        self._settle()
        self._judge()
        self._report.seconds = time.monotonic() - begun
        return self._report

    def _break_things(self) -> None:
        """Faults one after another, with a round of the fleet in between."""
        ends = time.monotonic() + self._plan.seconds
        faults = [self._cut, self._kill_sync, self._kill_constellation, self._kill_tv]
        while time.monotonic() < ends:
            self._random.shuffle(faults)
            for fault in faults:
                self._over.wait(self._random.uniform(1, 4))
                fault()
            self._round()

    def _cut(self) -> None:
        self._lab.cut()
        self._over.wait(self._random.uniform(2, 10))
        self._lab.mend()
        self._report.partitions += 1

    def _kill_sync(self) -> None:
        self._kill_server("sync")

    def _kill_constellation(self) -> None:
        self._kill_server("constellation")

    def _kill_server(self, name: str) -> None:
        self._servers[name].kill()
        self._servers[name].close()
        self._over.wait(self._random.uniform(0, 3))
        self._servers[name] = self._serve(name)
        self._report.server_kills += 1

    def _kill_tv(self) -> None:
        self._random.choice(self._tvs).restart()
        self._report.tv_kills += 1

    def _round(self) -> None:
        request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()))
        with FederationClient(self._worker.address) as client:
            try:
                client.run_round(request)
            except ServiceError as error:
                # With fewer than three TVs that have pushed there is nothing to give out.
                if error.reason != "ROUND_NOT_POSSIBLE":
                    raise

    def _live(self, tv: Tv) -> None:
        """A household that watches, and a TV that syncs far more often than it would by itself."""
        while not self._over.is_set():
            with tv.lock, BrainClient(tv.process.address) as client:
                try:
                    # First of all a TV needs titles, or it knows none that is watched.
                    client.sync_now()
                    tv.watch(client)
                except ServiceError:
                    went_well = False
                else:
                    went_well = True
            with self._counting:
                self._report.exchanges += went_well
                self._report.failures += not went_well
            # A breaker that opens would refuse a minute of exchanges.
            self._over.wait(0.2 if went_well else 4.0)

    def _settle(self) -> None:
        """On a good line: all is pushed, a round takes it up, and all TVs hear of it."""
        for tv in self._tvs:
            with BrainClient(tv.process.address) as client:
                self._until(partial(self._all_pushed, tv, client), "pushed")
        self._round()
        with ConstellationClient(self._servers["constellation"].address) as owner:
            newest = owner.get_cluster_status().state_version
        for tv in self._tvs:
            with BrainClient(tv.process.address) as client:
                self._until(partial(_holds, client, newest), "up to date")

    def _all_pushed(self, tv: Tv, client: BrainClient) -> bool:
        client.sync_now()
        while tv.told < len(tv.liked):
            tv.watch(client)
        return client.sync_now().pending_sketches == 0 and (
            client.get_stats().sketches_acknowledged == len(tv.liked)
        )

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except ServiceError:
                pass
            time.sleep(1)
        self._report.faults.append(f"a TV was not {what} in {_SETTLE_SECONDS:.0f} s")

    def _judge(self) -> None:
        report = self._report
        for tv in self._tvs:
            tv.process.terminate()
        with psycopg.connect(self._postgres.url) as connection:
            rows = connection.execute("SELECT sketches FROM pushes").fetchall()
        stored = Counter(
            bytes(body[at : at + 48]) for (body,) in rows for at in range(0, len(body), 48)
        )
        report.twice = sum(count - 1 for count in stored.values())
        report.likes = sum(len(tv.liked) for tv in self._tvs)
        states = set()
        for tv in self._tvs:
            with closing(sqlite3.connect(self._root / f"tv{tv.number}" / "brain.db")) as database:
                sent = database.execute(
                    "SELECT sketch FROM sketches WHERE state = ?", (_ACKNOWLEDGED,)
                ).fetchall()
                patterns = database.execute(
                    "SELECT * FROM global_patterns ORDER BY pattern_id"
                ).fetchall()
                coded = database.execute("SELECT version, body FROM coded_state").fetchall()
            report.acknowledged += len(sent)
            report.lost += sum(sketch not in stored for (sketch,) in sent)
            states.add((tuple(patterns), tuple(coded)))
            report.patterns = len(patterns)
            if not coded:
                report.faults.append(f"TV {tv.number} holds no coded state")
        report.states = len(states)

    def _secrets(self) -> None:
        now = datetime.now(UTC)
        authority = local_authority.authority("servers", now, timedelta(days=1))
        server = local_authority.server(authority, [SERVER_ADDRESS], now, timedelta(days=1))
        for name, data in (
            ("ca.pem", authority.certificate_pem()),
            ("server.pem", server.certificate_pem()),
            ("server.key", server.key_pem()),
            ("tokens", f"chaos:{secrets.token_hex(32)}\n".encode()),
        ):
            path = self._root / name
            path.touch(mode=0o600)
            path.write_bytes(data)

    def _serve(self, name: str) -> ServiceProcess:
        if name == "constellation":
            return self._service(
                "omega-constellation",
                "constellation",
                name,
                {
                    "OMEGA_CONSTELLATION_DATABASE_URL": self._postgres.url,
                },
            )
        return self._service(
            "omega-sync",
            "sync",
            name,
            {
                "OMEGA_SYNC_LISTEN": f"{SERVER_ADDRESS}:{_PORT}",
                "OMEGA_SYNC_TLS_CERTIFICATE": str(self._root / "server.pem"),
                "OMEGA_SYNC_TLS_KEY": str(self._root / "server.key"),
                "OMEGA_SYNC_TOKEN_KEYS": str(self._root / "tokens"),
                "OMEGA_SYNC_CONSTELLATION_TARGET": f"unix:{self._root}/constellation",
                "OMEGA_SYNC_DEVICE_SYNCS_PER_MINUTE": "100000",
                "OMEGA_SYNC_DEVICE_SYNC_BURST": "100000",
                "OMEGA_SYNC_DEVICE_CALL_BURST": "100000",
                "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": "10000000",
                "OMEGA_SYNC_NETWORK_CALL_BURST": "1000000",
            },
        )

    def _service(
        self, command: str, prefix: str, name: str, environ: dict[str, str]
    ) -> ServiceProcess:
        listen = {f"OMEGA_{prefix.upper()}_LISTEN": f"unix:{self._root}/{name}"}
        return ServiceProcess(
            [command],
            {**listen, **environ},
            directory=self._root / f"{name}.d",
            inside=self._lab.inside(self._lab.server),
            serving=name != "sync",
        )

    def _tv(self, number: int) -> Tv:
        titles = self._plan.titles
        liked = [title for at, title in enumerate(titles[:60]) if (at + number) % 3]
        environ = {
            "OMEGA_BRAIN_STORAGE_PATH": str(self._root / f"tv{number}"),
            "OMEGA_BRAIN_LISTEN": f"unix:{self._root}/b{number}",
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"https://{SERVER_ADDRESS}:{_PORT}",
            "OMEGA_BRAIN_CONSTELLATION_TLS_CA": str(self._root / "ca.pem"),
            **AT_ONCE,
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
        }

        def start() -> ServiceProcess:
            return ServiceProcess(
                ["omega-brain"],
                environ,
                directory=self._root / f"tv{number}.d",
                inside=self._lab.inside(self._lab.tvs),
            )

        return Tv(number, start, liked)

    def _end(self) -> None:
        self._over.set()
        for process in [*(tv.process for tv in getattr(self, "_tvs", [])), self._worker]:
            process.close()
        for server in self._servers.values():
            server.close()


def _holds(client: BrainClient, version: int) -> bool:
    """Whether a TV holds a version under the codebook, after one more exchange."""
    client.sync_now()
    stats = client.get_stats()
    return stats.state_version == version and stats.sync.codebook_version > 0
