"""A hundred thousand devices: a planted bad version stops at 1 %, an equal one goes to all.

Reports take the way that they take in a shard: a PushWriter's transactions, counts, the judge. Days
are virtual. Households differ in how ready they are to watch what is recommended, as Beta(2, 2),
and keep their habits from day to day; a version that is worse takes the same share from all of
them. Then the judge alone, over many simulated releases, for its error rates.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from omega_constellation.directories import Directories
from omega_constellation.judge import Judge
from omega_constellation.judging import Judging
from omega_core.clock import ManualClock, day_of
from omega_core.dealing import device_number
from omega_delta import encode_factors
from omega_privacy.response import honesty
from omega_privacy.trial import Cell, Looks, Rules, Verdict, look
from omega_store import PushWriter, Store, migrate, releases, resources
from omega_store.pushes import Push
from omega_store.release_reports import Report
from omega_store.releases import Release, ReleasePlan, Stage
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL
from omega_testing.news import factors_of
from omega_testing.postgres import EmbeddedPostgres

FACTORS = ResourceKind.FACTORS
EPSILON = 1.0
DAY = timedelta(days=1)
BATCH = 256
RULES = Judging(Rules(margin=0.1), Rules(margin=0.05), least=DAY, longest=14 * DAY)
PLAN = ReleasePlan(first_permille=10, second_permille=100, least_devices=100_000)


@dataclass
class Fleet:
    """Devices, their habits, and which version each has held since when."""

    store: Store
    ids: list[str]
    clock: ManualClock
    seed: int

    def release(self, loss: float) -> Release:
        """Runs one release of a version that loses so many watchers; returns it as it ended."""
        drawn = np.random.default_rng(self.seed)
        habits = drawn.beta(2, 2, len(self.ids))
        release = self._publish()
        numbers = np.array([device_number(release.salt, each) for each in self.ids])
        judge = Judge(self.store, Directories("local"), PLAN, RULES, self.clock, 60.0)
        begun, said, took = self.clock.now(), 0, 0.0
        reached, since = 0, {Stage.FIRST: day_of(begun)}
        with PushWriter(self.store, clock=self.clock) as writer:
            while release.under_way and self.clock.now() - begun < 40 * DAY:
                self.clock.advance(DAY)
                reached = max(reached, int(np.sum(numbers < release.permille)))
                pushes = self._reports(release, numbers, habits, loss, since[release.stage], drawn)
                for at in range(0, len(pushes), BATCH):
                    before = time.perf_counter()
                    writer.write(pushes[at : at + BATCH])
                    took += time.perf_counter() - before
                    said += len(pushes[at : at + BATCH])
                    if at % (8 * BATCH) == 0:
                        judge.look()
                judge.look()
                release = self._newest()
                since.setdefault(release.stage, day_of(self.clock.now()))
        with self.store.statements() as conn:
            row = conn.execute(
                "SELECT coalesce(sum(reports), 0) FROM release_counts WHERE release_id = %s",
                (release.release_id,),
            ).fetchone()
        days = (self.clock.now() - begun) / DAY
        print(
            f"loss {loss:.2f}: {release.stage.name} after {days:.0f} days ({release.cause});"
            f" the version reached {reached:,} of {len(self.ids):,} devices;"
            f" {said:,} reports sent, {row[0] if row else 0:,} counted,"
            f" {said / max(took, 1e-9):,.0f} a second"
        )
        return release

    def _publish(self) -> Release:
        with self.store.transaction() as conn:
            version = resources.following_version(conn, FACTORS)
            body = encode_factors(factors_of(range(10), version, model_version=MODEL))
            now = self.clock.now()
            releases.publish(conn, FACTORS, version, model_version=MODEL, body=body, now=now)
            return releases.listed(conn, 1)[0]

    def _newest(self) -> Release:
        with self.store.statements() as conn:
            return releases.listed(conn, 1)[0]

    def _reports(
        self,
        release: Release,
        numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
        habits: np.ndarray[tuple[int], np.dtype[np.float64]],
        loss: float,
        since: int,
        drawn: np.random.Generator,
    ) -> list[Push]:
        """Of yesterday, by those who are asked, in random order.

        Devices take a new version within a day, and report it from the first whole day on.
        """
        period = day_of(self.clock.now()) - 1
        settled = period > since
        asked = np.flatnonzero(numbers < release.permille + release.control_permille)
        found = []
        for i in drawn.permutation(asked):
            candidate = numbers[i] < release.permille
            if candidate and not settled:
                continue
            rate = habits[i] * (1 - 2 * loss) if candidate else habits[i]
            truth, honest = drawn.random() < rate, drawn.random() < honesty(EPSILON)
            version = release.version if candidate else release.control_version
            report = Report(period, ((FACTORS, version),), bool(truth == honest), 100)
            request_id = str(uuid.UUID(bytes=drawn.bytes(16)))
            found.append(Push(self.ids[i], request_id, MODEL, b"", b"", report=report))
        return found


def fleet_of(store: Store, count: int, seed: int) -> Fleet:
    """Registers so many devices."""
    ids = [f"tv-{hashlib.sha256(b'%d' % i).hexdigest()[:32]}" for i in range(count)]
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    with store.transaction() as conn:
        copying = "COPY devices (device_id, request_id, platform, app_version, registered_at)"
        with conn.cursor() as cursor, cursor.copy(f"{copying} FROM STDIN") as copy:
            for each in ids:
                copy.write_row((each, uuid.UUID(each[3:]), "bench", "1", clock.now()))
        releases.set_plan(conn, PLAN)
        body = encode_factors(factors_of(range(10), 1, model_version=MODEL))
        releases.publish(conn, FACTORS, 1, model_version=MODEL, body=body, now=clock.now())
    return Fleet(store, ids, clock, seed)


def rates(name: str, candidates: int, controls: int, loss: float, rules: Rules, runs: int) -> None:
    """Prints how often one stage of simulated releases ends how, and when."""
    found = dict.fromkeys(Verdict, 0)
    ended = []
    for seed in range(runs):
        verdict, day = _stage(seed, candidates, controls, loss, rules)
        found[verdict] += 1
        ended.append(day)
    shares = ", ".join(f"{verdict.value} {n / runs:.2%}" for verdict, n in found.items())
    print(f"{name}: {shares}; day of the verdict, median {np.median(ended):.0f} ({runs:,} runs)")


def _stage(
    seed: int, candidates: int, controls: int, loss: float, rules: Rules
) -> tuple[Verdict, int]:
    drawn = np.random.default_rng(seed)
    sides = {
        True: (1 - 2 * loss) * drawn.beta(2, 2, candidates),
        False: drawn.beta(2, 2, controls),
    }
    cells: list[Cell] = []
    looks = Looks()
    for day in range(14):
        mood = drawn.normal(0, 0.05)
        parts = []
        for which, habits in sides.items():
            truth = drawn.random(len(habits)) < habits + mood
            yes = truth == (drawn.random(len(habits)) < honesty(EPSILON))
            parts.append((which, np.array_split(yes, 4)))
        for piece in range(4):
            for which, split in parts:
                told = split[piece]
                cells.append(Cell(which, day, EPSILON, len(told), int(np.sum(told))))
            verdict, looks = look(cells, looks, rules)
            if verdict is not Verdict.OPEN:
                return verdict, day + 1
    return Verdict.OPEN, 14


def main() -> None:
    """Runs both proofs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.getLogger("omega_constellation").setLevel(logging.ERROR)
    with EmbeddedPostgres() as postgres:
        url = postgres.create_database("releases")
        migrate(url)
        with Store.connect(url) as store:
            fleet = fleet_of(store, arguments.devices, arguments.seed)
            bad = fleet.release(0.2)
            if bad.stage is not Stage.ROLLED_BACK or bad.judged_stage != Stage.FIRST:
                sys.exit("the bad version was not taken back at the first stage")
            equal = fleet.release(0.0)
            if equal.stage is not Stage.COMPLETE:
                sys.exit("the equal version did not reach all devices")
    first, second = RULES.first, RULES.second
    one, ten = arguments.devices // 100, arguments.devices // 10
    for loss in (0.2, 0.1, 0.0):
        name = f"1 % of {arguments.devices:,}, loss {loss:.2f}"
        rates(name, one, ten, loss, first, arguments.runs)
    for loss in (0.1, 0.05, 0.0):
        name = f"10 % of {arguments.devices:,}, loss {loss:.2f}"
        rates(name, ten, ten, loss, second, arguments.runs // 4)


if __name__ == "__main__":
    main()
