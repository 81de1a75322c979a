"""TVs that report pairs for weeks of virtual time, while every party is killed and two are away.

What is held to: no report is lost or counted twice; TVs queue within their cap; what a round opens
is what counting the households' pairs gives, and all the rest stays sealed.
"""

from __future__ import annotations

import itertools
import random
import secrets
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_client import BrainClient, ConstellationClient, FederationClient, ServiceError
from omega_core.content import Content
from omega_core.errors import ErrorCode
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import AT_ONCE, ServiceProcess, free_port
from omega_threshold import Pair, Schedule

THRESHOLD = 3
"""Reports that open a pair."""
CAP = 256
"""Reports that may wait on a TV (omega_brain.pair_making)."""
SERVERS = {
    "randomness": "omega-randomness",
    "relay": "omega-relay",
    "sync": "omega-sync",
    "constellation": "omega-constellation",
}
"""What is killed, in the order in which it is started, and its program."""
_DAY = timedelta(days=1)
_TOLD = (
    "SELECT one.content_id, other.content_id FROM pair_reports AS r"
    " JOIN contents AS one ON one.content_rowid = r.low"
    " JOIN contents AS other ON other.content_rowid = r.high WHERE r.state = 2"
)
_STEP = timedelta(minutes=10)
"""Virtual time moves by so much at once, and then stands: a call that has begun is answered in the
same moment, unless a step comes in between, as a clock that is set might."""


@dataclass(frozen=True)
class Plan:
    """What happens."""

    titles: Sequence[Content] = field(repr=False)
    """Of the catalogue."""
    publish: Callable[[ConstellationClient], None] = field(repr=False)
    """Brings the catalogue into the shard."""
    brain: Sequence[str]
    """Command of a brain that goes by virtual time."""
    seed: int = 0
    """Of likes and faults."""
    tvs: int = 6
    """Brains."""
    likes: int = 13
    """Titles that each household likes, 2 of them as hardly anybody else does."""
    day_seconds: float = 15.0
    """How long a virtual day takes."""
    kill_hours: float = 8.0
    """Virtual time between two kills, on average."""
    relay_away: tuple[float, float] = (1.5, 2.5)
    """Days in which no relay runs."""
    randomness_away: tuple[float, float] = (3.5, 4.5)
    """Days in which no randomness server runs."""
    longest_days: float = 25.0
    """When it is given up; an epoch has 28."""


@dataclass
class Report:
    """What was done and found."""

    seed: int
    """To do it again."""
    days: float = 0.0
    """Virtual days until every TV had told all."""
    kills: dict[str, int] = field(default_factory=dict)
    """SIGKILLs, by what was killed."""
    away_days: dict[str, float] = field(default_factory=dict)
    """Virtual days without a party."""
    told: int = 0
    """Reports that TVs count as told."""
    pairs: int = 0
    """Reports that are due of all households: each title, and pairs of what enough of them like."""
    longest_queue: int = 0
    """Most reports that waited on one TV at once."""
    queue_cap: int = CAP
    """Most that may."""
    most_bytes_a_day: int = 0
    """Of one TV; at most 4,000."""
    paid: int = 0
    """Tokens that the operator took: one a report."""
    rounds: int = 0
    """Rounds that learned, one a day; those before any title has enough reports do not."""
    syncs_failed: int = 0
    """Daily exchanges of a TV that failed, for something was down."""
    opened: int = 0
    """Pairs and titles that the round opened."""
    sealed: int = 0
    """Reports that stay sealed."""
    lost: int = 0
    """Reports that are neither open nor sealed: must be 0."""
    doubled: int = 0
    """Reports that are there beyond the households' pairs: must be 0."""
    seconds: float = 0.0
    """How long all of it took."""
    faults: list[str] = field(default_factory=list)
    """What was wrong beside that, a sentence each."""

    def ok(self) -> bool:
        """Whether all held."""
        whole = self.told == self.pairs == self.paid and self.opened > 0 and self.sealed > 0
        within = self.longest_queue <= self.queue_cap and self.most_bytes_a_day <= 4_000  # noqa: PLR2004 - the default
        return whole and within and not (self.lost or self.doubled or self.faults)


@dataclass
class _Tv:
    """A brain and what its household likes."""

    number: int
    liked: list[Content]
    storage: Path
    process: ServiceProcess

    def said(self) -> list[Pair]:
        """What it counts as told."""
        return [Pair.of(*map(str, two)) for two in self.read(_TOLD)]

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of its own file, which it may be writing; none where that cannot be read now."""
        try:
            with closing(sqlite3.connect(self.storage / "brain.db", timeout=5)) as database:
                return database.execute(query).fetchall()
        except sqlite3.Error:
            return []

    def waiting(self) -> int:
        rows = self.read("SELECT count(*) FROM pair_reports WHERE state < 2")
        return rows[0][0] if rows else 0

    def told(self) -> int:
        rows = self.read("SELECT count(*) FROM pair_reports WHERE state = 2")
        return rows[0][0] if rows else 0


class ChaosThreshold:
    """One run.

    Args:
        plan: what happens.
        root: where all of it lies.
        stack: closes what was opened.
    """

    def __init__(self, plan: Plan, root: Path, stack: ExitStack) -> None:
        self._plan, self._root, self._stack = plan, root, stack
        self._random = random.Random(plan.seed)  # noqa: S311 - faults that can be repeated
        self._report = Report(plan.seed)
        # A day into an epoch: what is sent within it adds up.
        schedule = Schedule()
        self._start = schedule.ends(schedule.at(datetime.now(UTC)) - 1) + _DAY
        self._clock = stack.enter_context(MovedClock(root / "clock", self._start))
        self._postgres = stack.enter_context(EmbeddedPostgres())
        self._ports = {name: free_port() for name in SERVERS}
        for name in ("tokens", "secret"):
            (root / name).touch(mode=0o600)
        (root / "tokens").write_text(f"chaos:{secrets.token_hex(32)}\n", "ascii")
        (root / "secret").write_text(secrets.token_hex(32), "ascii")
        (root / "randomness").mkdir()
        self._servers: dict[str, ServiceProcess] = {}
        self._tvs: list[_Tv] = []
        self._away: set[str] = set()
        stack.callback(self._end)

    def run(self) -> Report:
        """All of it."""
        begun = time.monotonic()
        for name in SERVERS:
            self._servers[name] = self._serve(name)
        with ConstellationClient(self._at("constellation")) as client:
            self._plan.publish(client)
        for number in range(self._plan.tvs):
            self._tvs.append(self._tv(number))
        self._break_things()
        self._judge()
        self._report.seconds = time.monotonic() - begun
        return self._report

    @property
    def _days(self) -> float:
        return (self._clock.now() - self._start) / _DAY

    def _break_things(self) -> None:
        """Kills one after another, and two days without a party, until all is told."""
        plan, report = self._plan, self._report
        outages = {"relay": plan.relay_away, "randomness": plan.randomness_away}
        rounds = 0
        next_kill = self._random.expovariate(24 / plan.kill_hours)
        while self._days < plan.longest_days:
            for name, (begins, ends) in outages.items():
                if begins <= self._days < ends and name not in self._away:
                    self._away.add(name)
                    self._kill(name)
                    report.away_days[name] = self._days
                elif self._days >= ends and name in self._away:
                    self._away.remove(name)
                    report.away_days[name] = self._days - report.away_days[name]
                    self._servers[name] = self._serve(name)
            if self._days >= next_kill:
                self._kill_somebody()
                next_kill = self._days + self._random.expovariate(24 / plan.kill_hours)
            queues = [tv.waiting() for tv in self._tvs]
            report.longest_queue = max(report.longest_queue, *queues)
            over = self._days > max(ends for _, ends in outages.values())
            if over and all(tv.told() == len(due) for tv, due in self._due()):
                break
            if int(self._days) > rounds:
                rounds = int(self._days)
                self._round()
                self._pull()
            time.sleep(plan.day_seconds * (_STEP / _DAY))
            self._clock.advance(_STEP)
        else:
            report.faults.append(f"not all was told in {plan.longest_days:g} days")
        report.days = self._days

    def _due(self) -> list[tuple[_Tv, set[Pair]]]:
        """What each TV is to tell: its titles, and pairs of those that enough households like.

        Those are the ones that factors tell a share of; with fewer than sampling.ALWAYS of them all
        their pairs are due in every epoch.
        """
        liking = Counter(title.content_id for tv in self._tvs for title in tv.liked)
        found = []
        for tv in self._tvs:
            names = [title.content_id for title in tv.liked]
            shared = [name for name in names if liking[name] >= THRESHOLD]
            pairs = {Pair.of(name, name) for name in names}
            pairs |= {Pair.of(*two) for two in itertools.combinations(shared, 2)}
            found.append((tv, pairs))
        return found

    def _pull(self) -> None:
        """Has every TV ask for news, as it does every day; one that cannot will the next day."""
        for tv in self._tvs:
            with BrainClient(tv.process.address) as client:
                try:
                    client.sync_now()
                except ServiceError:
                    self._report.syncs_failed += 1

    def _kill_somebody(self) -> None:
        """SIGKILL in the middle of whatever it does, and again."""
        victims = [*(name for name in SERVERS if name not in self._away), *["brain"] * 3]
        victim = self._random.choice(victims)
        self._report.kills[victim] = self._report.kills.get(victim, 0) + 1
        if victim != "brain":
            self._kill(victim)
            self._servers[victim] = self._serve(victim)
            return
        tv = self._random.choice(self._tvs)
        tv.process.kill()
        tv.process.close()
        tv.process = self._brain(tv.number)

    def _kill(self, name: str) -> None:
        self._servers[name].kill()
        self._servers[name].close()

    def _judge(self) -> None:
        """Counts on the TVs, in the database before the round, and after it."""
        report = self._report
        due = self._due()
        plain = Counter(pair for _, pairs in due for pair in pairs)
        report.pairs = plain.total()
        said = [tv.said() for tv in self._tvs]
        report.told = sum(map(len, said))
        for (tv, pairs), told in zip(due, said, strict=True):
            if Counter(told) != Counter(pairs):
                report.faults.append(f"TV {tv.number} told other pairs than those that are due")
        days = [row[0] for tv in self._tvs for row in tv.read("SELECT bytes FROM pair_days")]
        report.most_bytes_a_day = max(days, default=0)
        self._round()
        report.paid = self._rows("SELECT count(*) FROM threshold_spent")[0][0]
        opened = {
            Pair(bytes(low), bytes(high)): int(number)
            for low, high, number in self._rows("SELECT low, high, reports FROM threshold_pairs")
        }
        report.opened = len(opened)
        ((report.sealed, left),) = self._rows(
            "SELECT count(*), (SELECT count(*) FROM threshold_inbox) FROM threshold_sealed"
        )
        enough = Counter({pair: n for pair, n in plain.items() if n >= THRESHOLD})
        counted = Counter(opened)
        sealed = plain.total() - enough.total()
        report.lost = (enough - counted).total() + max(0, sealed - report.sealed)
        report.doubled = (counted - enough).total() + max(0, report.sealed - sealed)
        if left:
            report.faults.append(f"{left} reports were left in the inbox")

    def _round(self) -> None:
        worker = self._service(
            "omega-federation-worker",
            {
                "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
                "OMEGA_FEDERATION_DATABASE_URL": self._postgres.url,
                "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
            },
        )
        with worker, FederationClient(worker.address, timeout=60) as client:
            request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
            try:
                client.run_round(request)
                self._report.rounds += 1
            except ServiceError as error:
                if error.reason != ErrorCode.ROUND_NOT_POSSIBLE:
                    self._report.faults.append(f"a round: {error}")

    def _rows(self, query: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self._postgres.url) as connection:
            return connection.execute(query).fetchall()

    def _at(self, name: str) -> str:
        return f"127.0.0.1:{self._ports[name]}"

    def _serve(self, name: str) -> ServiceProcess:
        environ = {
            "randomness": {"OMEGA_RANDOMNESS_STORAGE_PATH": str(self._root / "randomness")},
            "relay": {
                "OMEGA_RELAY_GATEWAY_TARGET": self._at("sync"),
                "OMEGA_RELAY_CALLS_PER_MINUTE": "1000000",
                "OMEGA_RELAY_CALL_BURST": "1000000",
            },
            "sync": {
                "OMEGA_SYNC_TOKEN_KEYS": str(self._root / "tokens"),
                "OMEGA_SYNC_CONSTELLATION_TARGET": self._at("constellation"),
                "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": "10000000",
                "OMEGA_SYNC_NETWORK_CALL_BURST": "1000000",
            },
            "constellation": {
                "OMEGA_CONSTELLATION_DATABASE_URL": self._postgres.url,
                "OMEGA_CONSTELLATION_THRESHOLD": str(THRESHOLD),
                "OMEGA_CONSTELLATION_THRESHOLD_SECRET_FILE": str(self._root / "secret"),
                "OMEGA_CONSTELLATION_RANDOMNESS_TARGET": self._at("randomness"),
            },
        }[name]
        listen = {f"OMEGA_{name.upper()}_LISTEN": self._at(name)}
        # Who waits for another to be back serves later; the rest goes on meanwhile.
        return self._service(SERVERS[name], {**listen, **environ}, serving=name != "sync")

    def _service(
        self, command: str, environ: dict[str, str], *, serving: bool = True
    ) -> ServiceProcess:
        return ServiceProcess(
            [command], self._timed(environ), directory=self._root / f"{command}.d", serving=serving
        )

    def _timed(self, environ: dict[str, str]) -> dict[str, str]:
        return {VARIABLE: str(self._root / "clock"), **environ}

    def _tv(self, number: int) -> _Tv:
        """A brain whose household has watched all that it likes."""
        common, rare = self._plan.titles[:14], self._plan.titles[14:60]
        liked = self._random.sample(common, self._plan.likes - 2) + self._random.sample(rare, 2)
        tv = _Tv(number, liked, self._root / f"tv{number}", self._brain(number))
        with BrainClient(tv.process.address) as client:
            # First of all a TV needs titles, or it knows none that is watched.
            client.sync_now()
            for at, title in enumerate(liked):
                event = brain_pb.ObserveEventRequest(
                    event_id=f"tv{number}-{at}", content_id=title.content_id, watch_percentage=1.0
                )
                client.observe_event(event)
        return tv

    def _brain(self, number: int) -> ServiceProcess:
        environ = {
            **AT_ONCE,
            "OMEGA_BRAIN_STORAGE_PATH": str(self._root / f"tv{number}"),
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{self._at('sync')}",
            "OMEGA_BRAIN_SHARE_DELAY_HOURS": "24",
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
            "OMEGA_BRAIN_SHARING": "threshold",
            "OMEGA_BRAIN_RELAY_URL": f"http://{self._at('relay')}",
            "OMEGA_BRAIN_RANDOMNESS_URL": f"http://{self._at('randomness')}",
        }
        return ServiceProcess(
            self._plan.brain,
            self._timed(environ),
            directory=self._root / f"tv{number}.d",
        )

    def _end(self) -> None:
        for process in [*(tv.process for tv in self._tvs), *self._servers.values()]:
            process.close()
