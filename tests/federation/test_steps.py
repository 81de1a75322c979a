"""Rounds between refreshes: what changed is decoded, and everything stays consistent."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from tests.federation.conftest import await_blocked, serving

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import FederationClient, ServiceError
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_delta import compress
from omega_federation_worker import alone, keeping
from omega_federation_worker import shard as round_io
from omega_federation_worker.job import RoundJob
from omega_federation_worker.plan import Plan
from omega_learn import LearnConfig
from omega_store import (
    Store,
    devices,
    erasures,
    kept,
    leadership,
    publish_round,
    resources,
    rounds,
    states,
)
from omega_store.kept import HeldRow
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_testing.fleet import NOW, registered
from omega_testing.processes import ServiceProcess
from omega_testing.taste_shard import SIGMA, TasteShard

CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
PLAN = Plan(CONFIG)
HOUR = timedelta(hours=1)


class Rounds:
    """Runs rounds of a shard on a clock of their own."""

    def __init__(self, store: Store, plan: Plan = PLAN) -> None:
        self.store = store
        self.clock = ManualClock(NOW + HOUR)
        self.plan = plan

    def run(self, *, refresh: bool = False) -> RoundFigures:
        job = RoundJob(self.store, self.plan, self.clock)
        return job.run(str(uuid.uuid4()), refresh=refresh).figures

    def rows(self) -> dict[str, bytes]:
        """What is kept, by device."""
        with self.store.snapshot() as conn:
            return {row.device_id: row.body for row in kept.iterate(conn)}


@pytest.fixture
def ids(shard: TasteShard) -> list[str]:
    """24 households that pushed."""
    shard.publish_catalogue()
    return shard.add_households(24)


@pytest.fixture
def between(store: Store, ids: list[str]) -> Rounds:
    """After a refresh of those households."""
    assert ids
    found = Rounds(store)
    first = found.run()
    assert (first.refreshed, first.decoded, first.factors_version) == (True, 24 * 12, 1)
    return found


def anew(store: Store, between: Rounds) -> dict[str, bytes]:
    """Rows of every device as the decoder of the last refresh gives them now: the oracle."""
    with store.snapshot() as conn:
        stored = kept.decoder(conn)
    assert stored is not None
    decoder = keeping.unpack_decoder(stored.body)
    assert decoder is not None
    seen = round_io.read(store, between.clock.now(), PLAN, refresh=True)
    assert seen.local is not None
    [fleet] = seen.local.sketches
    found = decoder.decode(
        fleet,
        seen.lead.embeddings,
        top=CONFIG.top,
        share=CONFIG.taste_share,
        within=CONFIG.trends.windows[-1],
    )
    left = round_io.leavings(seen, None, [found])
    return {row.device_id: row.body for row in left.rows}


def test_a_step_decodes_what_changed_and_leaves_what_a_full_pass_leaves(
    between: Rounds, store: Store, shard: TasteShard, ids: list[str]
) -> None:
    assert between.rows() == anew(store, between)
    between.clock.advance(HOUR)
    shard.push(ids[3], [16, 17, 20], seed=800, at=NOW + HOUR)
    shard.push(ids[4], [1, 2], seed=801, at=NOW + HOUR, stated_sigma=5.0)
    [late, *_] = shard.add_households(3, at=NOW + HOUR)
    figures = between.run()
    assert (figures.refreshed, figures.factors_version) == (False, 0)
    assert figures.decoded == 12 + 3 + 12 + 2 + 3 * 12
    assert (figures.devices, figures.sketches) == (27, 27 * 12 + 5)
    assert late in between.rows()
    assert between.rows() == anew(store, between)
    assert between.run().decoded == 0


def test_what_recent_sketches_say_is_forgotten_when_they_are_not_recent_any_more(
    between: Rounds, store: Store
) -> None:
    def recent(now_in: timedelta) -> int:
        with store.snapshot() as conn:
            loaded = keeping.load(kept.iterate(conn), NOW + now_in, 72.0, 10)
        return sum(len(part.recent.ages) for part in loaded.parts)

    assert between.rows()
    assert recent(71.9 * HOUR) == 24 * 12
    assert recent(72 * HOUR) == 0


def test_an_erased_device_is_gone_at_once_and_out_of_the_next_step(
    between: Rounds, store: Store, ids: list[str]
) -> None:
    with store.transaction() as conn:
        devices.erase(conn, ids[0])
    assert ids[0] not in between.rows()
    figures = between.run()
    assert (figures.devices, figures.sketches, figures.decoded) == (23, 23 * 12, 0)
    with store.snapshot() as conn:
        assert len(erasures.noted(conn)) == 1, "the factors still rest on it"
    assert between.run(refresh=True).devices == 23
    with store.transaction() as conn:
        devices.revoke(conn, ids[1], NOW)
    assert between.run().devices == 22


def test_a_step_withdraws_everything_when_too_few_are_left(
    between: Rounds, store: Store, ids: list[str]
) -> None:
    for device_id in ids[2:]:
        with store.transaction() as conn:
            devices.erase(conn, device_id)
    figures = between.run()
    assert (figures.devices, figures.patterns, figures.refreshed) == (2, 0, False)
    with store.snapshot() as conn:
        assert resources.newest_version(conn, ResourceKind.FACTORS) == 0
        assert kept.decoder(conn) is None
        assert (states.patterns(conn), erasures.noted(conn)) == ([], [])
    assert between.rows() == {}
    with pytest.raises(OmegaError):
        between.run()


def test_a_refresh_comes_once_a_day_and_for_another_catalogue_or_setting(
    between: Rounds, shard: TasteShard, ids: list[str]
) -> None:
    kinds = []
    for hour in range(1, 50):
        between.clock.advance(HOUR)
        shard.push(ids[hour % 24], [hour % 30], seed=900 + hour, at=between.clock.now())
        kinds.append(between.run().refreshed)
    assert [hour for hour, kind in enumerate(kinds, 1) if kind] == [24, 48]
    shard.publish_catalogue()
    assert between.run().refreshed
    between.plan = Plan(LearnConfig(sigma=SIGMA, lam=6, rank=16))
    assert between.run().refreshed
    assert not between.run().refreshed
    assert between.run(refresh=True).refreshed
    between.plan = Plan(between.plan.learning, refresh_hours=0)
    assert between.run().refreshed
    between.plan = Plan(between.plan.learning)
    between.clock.advance(-5 * HOUR)  # it was set back
    assert between.run().refreshed


def test_titles_that_nobody_had_bring_a_refresh_forward(store: Store, shard: TasteShard) -> None:
    """The last title of the second group, which nobody had."""
    shard.publish_catalogue()
    ids = registered(store, 24)
    for number, device in enumerate(ids):
        shard.push(device, [15 * (number % 2) + i for i in range(12)], seed=number)
    between = Rounds(store)

    def after_an_hour() -> bool:
        between.clock.advance(HOUR)
        return between.run().refreshed

    assert after_an_hour()
    for number, device in enumerate(ids[:9]):
        shard.push(device, [15 * (number % 2)], seed=500 + number, at=between.clock.now())
    assert not after_an_hour()
    assert not after_an_hour(), "what was known brings none forward"
    for number, device in enumerate(ids[:9]):
        shard.push(device, [29], seed=700 + number, at=between.clock.now())
    assert not after_an_hour()
    assert after_an_hour()
    assert not after_an_hour()


@pytest.mark.parametrize(
    ("took", "since", "expected"), [(0.5, 0.0, True), (10, 99, False), (10, 100, True)]
)
def test_refreshes_before_their_time_take_a_tenth_of_it_at_most(
    took: float, since: float, expected: bool
) -> None:
    minute = timedelta(minutes=1)
    last = (NOW, NOW + took * minute)
    assert PLAN.may_hurry(last, NOW + since * minute) == expected
    assert not PLAN.may_hurry(None, NOW)


def test_rows_and_decoders_that_cannot_be_read_are_made_again(
    between: Rounds, store: Store, ids: list[str]
) -> None:
    before = between.rows()
    bodies = [b"", b"no frame", before[ids[3]][:-4], before[ids[4]]]
    for device_id, body in zip(ids, [*bodies[:3], compress(b"short")], strict=False):
        with store.transaction() as conn:
            conn.execute("UPDATE kept_rows SET body = %s WHERE device_id = %s", (body, device_id))
    assert between.run().decoded == 4 * 12
    assert between.rows() == before
    for body in (b"", b"PK junk"):
        with store.transaction() as conn:
            conn.execute("UPDATE decoders SET body = %s", (body,))
        assert between.run().refreshed


def test_a_step_over_rpc_is_told_from_a_refresh(
    database_url: str, ids: list[str], shard: TasteShard
) -> None:
    with serving(database_url, refresh_hours=24) as client:

        def run(*, refresh: bool = False) -> pb.Round:
            request = pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=refresh)
            return client.run_round(request).round

        assert (run().refreshed, run().refreshed) == (True, False)
        shard.push(ids[0], [29], seed=77)
        told = run()
        assert (told.refreshed, told.decoded_sketches, told.sketches) == (False, 13, 289)
        assert client.get_round(told.round_id).round == told
        assert run(refresh=True).decoded_sketches == 289


# Each lock stops a step at a known place: reading rows, reading sketches, storing rows, ending.
PLACES = (
    "LOCK TABLE kept_rows IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE pushes IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE kept_rows IN SHARE MODE",
    "LOCK TABLE global_patterns IN SHARE MODE",
)


@pytest.fixture
def process(database_url: str, between: Rounds) -> Iterator[ServiceProcess]:
    """A worker in a process of its own, under whose settings a step is due."""
    assert between.rows()
    environ = {
        "OMEGA_FEDERATION_DATABASE_URL": database_url,
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
        "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
        "OMEGA_FEDERATION_SIGMA": str(SIGMA),
        "OMEGA_FEDERATION_LAM": "5",
        "OMEGA_FEDERATION_RANK": "16",
    }
    with ServiceProcess(["omega-federation-worker"], environ) as running:
        yield running


@pytest.mark.parametrize("lock", PLACES)
def test_kill_9_within_a_step_leaves_rows_and_what_is_published_as_they_were(
    lock: str,
    between: Rounds,
    database_url: str,
    store: Store,
    shard: TasteShard,
    ids: list[str],
    process: ServiceProcess,
) -> None:
    # The worker's clock is the real one: it decodes with what a refresh of now left.
    request = pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
    with FederationClient(process.address) as client:
        assert client.run_round(request).round.refreshed
    rows, published = between.rows(), versions(store)
    for n, device_id in enumerate(ids[:6]):
        shard.push(device_id, [28, 29], seed=600 + n)

    def ask() -> None:
        with FederationClient(process.address) as client, pytest.raises(ServiceError):
            client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4())))

    asking = threading.Thread(target=ask, daemon=True)
    with store.session() as holder, holder.transaction():
        holder.execute(lock)
        asking.start()
        await_blocked(store)
        process.kill()
    asking.join(30)
    assert not asking.is_alive(), "the caller of a killed worker was never told"
    assert (between.rows(), versions(store)) == (rows, published)
    with serving(database_url, refresh_hours=24) as client:
        done = once_it_may_lead(client)
    assert (done.refreshed, done.decoded_sketches) == (False, 6 * 14)
    changed = {key for key, body in between.rows().items() if body != rows[key]}
    assert changed == set(ids[:6])


def once_it_may_lead(client: FederationClient) -> pb.Round:
    """A round; the database gives a dead leader's lock up once it has noticed its end."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()))).round
        except ServiceError as error:
            if error.reason != "ROUND_CONFLICT" or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def versions(store: Store) -> tuple[int, int]:
    """The newest state and factors."""
    with store.snapshot() as conn:
        factors = resources.newest_version(conn, ResourceKind.FACTORS)
        return states.current(conn).version, factors


def test_a_device_erased_while_a_step_publishes_leaves_no_row(
    between: Rounds, store: Store, shard: TasteShard, ids: list[str]
) -> None:
    shard.push(ids[0], [20], seed=1)
    shard.push(ids[1], [20], seed=2)
    with leadership(store) as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        seen = round_io.read(store, between.clock.now(), PLAN)
        assert seen.decoder is not None
        found = alone.learn(seen, PLAN, begun.round_id)
        with store.transaction() as other:
            devices.erase(other, ids[0])
        publish_round(conn, found, NOW)
    assert ids[0] not in between.rows()
    assert ids[1] in between.rows()
    assert between.run().devices == 23


def test_numbers_survive_the_way_into_the_shard_and_back(between: Rounds) -> None:
    """Rows that are read and written again are the same bytes, at whatever instant."""
    rows = between.rows()
    held = (HeldRow(key, "", body) for key, body in rows.items())
    loaded = keeping.load(held, NOW + 3.7 * HOUR, 72.0, CONFIG.top)
    assert loaded.unread == []
    [part] = loaded.parts
    written = keeping.rows(part, [1] * len(rows), NOW + 3.7 * HOUR)
    assert {row.device_id: row.body for row in written} == rows
    assert np.all(part.recent.ages == np.float64(3.7))
