"""The judge: what it does of which counts, when it waits, and that any other goes on after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest

from omega_constellation.config import ConstellationConfig
from omega_constellation.directories import Directories
from omega_constellation.judge import Judge
from omega_constellation.judging import Judging
from omega_core.clock import ManualClock, day_of
from omega_core.directory import Directory, ShardEntry
from omega_core.errors import OmegaError
from omega_delta import encode_factors
from omega_privacy.trial import Rules
from omega_store import Store, releases
from omega_store.locks import lock_releases
from omega_store.releases import Release, ReleasePlan, Stage
from omega_testing.fleet import MODEL, NOW, registered
from omega_testing.news import factors_of
from omega_testing.published import publish

PLAN = ReleasePlan(10, 100, 3)
HOUR = timedelta(hours=1)
RULES = Judging(Rules(margin=0.1), Rules(margin=0.05), least=24 * HOUR, longest=72 * HOUR)


@dataclass
class Shard:
    """A release of factors 2 after factors 1, and counts as devices would have made them."""

    store: Store
    clock: ManualClock

    def judge(self, shard: str = "local", plan: ReleasePlan | None = PLAN) -> Judge:
        return Judge(self.store, Directories(shard), plan, RULES, self.clock, 3_600)

    def count(self, *, candidate: bool, reports: int, positive: int, day: int = 0) -> None:
        release = self.release()
        with self.store.transaction() as conn:
            conn.execute(
                "INSERT INTO release_counts (release_id, stage, candidate, period,"
                " epsilon_hundredths, reports, positive) VALUES (%s, %s, %s, %s, 100, %s, %s)",
                (
                    *(release.release_id, int(release.stage), candidate),
                    *(day_of(NOW) + day, reports, positive),
                ),
            )

    def release(self) -> Release:
        with self.store.statements() as conn:
            return releases.listed(conn, 1)[0]


@pytest.fixture
def shard(store: Store) -> Shard:
    made = Shard(store, ManualClock(NOW))
    registered(store, 3)
    made.judge().look()
    for version in (1, 2):
        pack = factors_of(range(10), version, model_version=MODEL, seed=version)
        publish(store, factors=encode_factors(pack))
    return made


def test_a_worse_version_is_taken_back_at_once(shard: Shard) -> None:
    shard.count(candidate=True, reports=1_000, positive=410)
    shard.count(candidate=False, reports=10_000, positive=5_000)
    shard.judge().look()
    found = shard.release()
    assert (found.stage, found.cause) == (4, "it does worse than the version before")
    with shard.store.statements() as conn:
        assert not releases.under_way(conn)


def test_an_equal_one_goes_on_when_the_stage_is_over(shard: Shard) -> None:
    judge = shard.judge()
    for stage in (Stage.FIRST, Stage.SECOND):
        shard.count(candidate=True, reports=10_000, positive=5_000)
        shard.count(candidate=False, reports=10_000, positive=5_000)
        judge.look()
        assert shard.release().stage is stage, "the least time is not over"
        shard.clock.advance(24 * HOUR)
        judge.look()
    found = shard.release()
    assert (found.stage, found.cause) == (3, "it does no worse than the version before")


def test_one_that_nothing_is_known_of_is_taken_back_in_the_end(shard: Shard) -> None:
    judge = shard.judge()
    shard.clock.advance(71 * HOUR)
    judge.look()
    assert shard.release().stage is Stage.FIRST
    shard.clock.advance(HOUR)
    judge.look()
    assert "in time" in shard.release().cause


def test_counts_of_other_shards_are_added(shard: Shard) -> None:
    shard.count(candidate=True, reports=150, positive=20)
    shard.count(candidate=False, reports=150, positive=100)
    with shard.store.transaction() as conn:
        conn.execute(
            "INSERT INTO release_counts (release_id, stage, candidate, period,"
            " epsilon_hundredths, shard, reports, positive)"
            " SELECT release_id, stage, candidate, period, epsilon_hundredths, 'other',"
            " reports, positive FROM release_counts"
        )
    shard.judge().look()
    assert shard.release().stage is Stage.ROLLED_BACK


def test_looks_are_spent_only_by_new_reports(shard: Shard) -> None:
    shard.count(candidate=True, reports=200, positive=100)
    shard.count(candidate=False, reports=200, positive=100)
    for _ in range(5):
        shard.judge().look()
    assert (shard.release().looks, shard.release().looked_reports) == (1, 200)


def test_only_the_home_shard_judges(shard: Shard) -> None:
    shards = (ShardEntry("local", "h:1"), ShardEntry("elsewhere", "h:2"))
    with shard.store.transaction() as conn:
        Directories("local").publish(conn, Directory(1, "elsewhere", shards), NOW)
    shard.clock.advance(100 * HOUR)
    shard.judge().look()
    assert shard.release().stage is Stage.FIRST
    shard.judge("elsewhere").look()
    assert shard.release().stage is Stage.ROLLED_BACK


def test_one_judges_at_a_time(shard: Shard) -> None:
    shard.clock.advance(100 * HOUR)
    with shard.store.transaction() as conn:
        lock_releases(conn)
        shard.judge().look()
        assert shard.release().stage is Stage.FIRST
    shard.judge().look()
    assert shard.release().stage is Stage.ROLLED_BACK


def test_a_plan_that_is_taken_away_ends_no_release(shard: Shard) -> None:
    judge = shard.judge(plan=None)
    judge.look()
    assert shard.release().stage is Stage.FIRST
    shard.clock.advance(100 * HOUR)
    judge.look()
    assert shard.release().stage is Stage.ROLLED_BACK
    publish(shard.store, factors=encode_factors(factors_of(range(9), 4, model_version=MODEL)))
    assert shard.release().version == 2, "the next one goes to all at once"


_KILLED = """
import os, signal, sys
from datetime import datetime, timedelta
from omega_constellation import judging
from omega_constellation.config import ConstellationConfig
from omega_constellation.directories import Directories
from omega_constellation.judge import Judge
from omega_core.clock import ManualClock
from omega_store import Store, releases

url, at = sys.argv[1:]
done = releases.roll_back
def dies(*args):
    done(*args)
    os.kill(os.getpid(), signal.SIGKILL)
releases.roll_back = dies
config = ConstellationConfig(database_url=url, release_stages="10,100", release_least_devices=3)
clock = ManualClock(datetime.fromisoformat(at) + timedelta(days=100))
store, local = Store.connect(url), Directories("local")
Judge(store, local, config.release_plan(), config.judging(), clock, 60).look()
"""


def test_one_that_is_killed_has_done_nothing_and_another_goes_on(
    shard: Shard, database_url: str
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), database_url, NOW.isoformat()],
        check=False,
        timeout=50,
        env=os.environ,
    )
    assert child.returncode == -signal.SIGKILL
    assert shard.release().stage is Stage.FIRST
    shard.clock.advance(100 * HOUR)
    for _ in range(2):
        shard.judge().look()
    with shard.store.statements() as conn:
        versions = conn.execute("SELECT version FROM resources ORDER BY version").fetchall()
    assert shard.release().stage is Stage.ROLLED_BACK
    assert versions == [(1,), (2,), (3,)]


def test_the_thread_outlives_a_database_that_is_away(shard: Shard) -> None:
    looked = threading.Event()
    judge = Judge(shard.store, Directories("local"), PLAN, RULES, shard.clock, 0.1)
    look, failures = judge.look, [True]

    def flaky() -> None:
        if failures:
            failures.pop()
            raise RuntimeError("the database is away")
        look()
        looked.set()

    judge.look = flaky  # type: ignore[method-assign]  # on purpose
    judge.start()
    assert looked.wait(30)
    judge.stop()


@pytest.mark.parametrize("stages", ["10", "10,10", "100,10", "0,5", "5,1000", "1,2,3", "a,b", ","])
def test_stages_that_are_none_are_refused(stages: str) -> None:
    with pytest.raises(OmegaError, match="release_stages"):
        ConstellationConfig(database_url="postgresql://x/y", release_stages=stages)


def test_stages_are_read() -> None:
    config = ConstellationConfig(database_url="postgresql://x/y", release_stages="10, 100")
    assert config.release_plan() == ReleasePlan(10, 100, 100_000)
    assert ConstellationConfig(database_url="postgresql://x/y").release_plan() is None
    assert config.judging().first.margin == 2 * config.judging().second.margin
