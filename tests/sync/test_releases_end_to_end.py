"""Releases over real services: a bad version stops at the first stage, an equal one goes to all."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega.common.v1 import release_pb2, resource_pb2
from omega.constellation.v1 import release_pb2 as pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_client import AdminClient, ServiceError, SyncClient
from omega_core.clock import day_of
from omega_core.dealing import device_number
from omega_delta import FactorPack, decode_factors, encode_factors
from omega_privacy import respond
from omega_store import Store, devices, releases, resources
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL
from omega_testing.news import factors_of
from omega_testing.processes import ServiceProcess
from omega_testing.site import Device, enrolled

FACTORS = resource_pb2.RESOURCE_KIND_FACTORS
DEVICES = 240
EPSILON = 3.0
Watches = Callable[[int], bool]


@dataclass
class Tv:
    """A light TV: it takes what is announced, and says how it fared when it is asked."""

    device: Device
    held: int = 0
    ever: set[int] = field(default_factory=set)
    asked: bool = False
    key: bytes = field(default_factory=lambda: uuid.uuid4().bytes * 2)

    def exchange(
        self, client: SyncClient, report: release_pb2.ReleaseReport | None = None
    ) -> sync_pb.SyncResponse:
        """One exchange, repeated while the fleet is away, as a TV does."""
        held = [resource_pb2.HeldResource(kind=FACTORS, version=self.held)] if self.held else []
        request = sync_pb.SyncRequest(
            request_id=str(uuid.uuid4()), model_version=MODEL, held=held, report=report
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = client.sync(request, credential=self.device.prover)
                break
            except ServiceError as error:
                if error.status != "UNAVAILABLE" or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.asked = answer.report_wanted
        return answer

    def take(self, client: SyncClient) -> None:
        """Takes what is announced."""
        for info in self.exchange(client).resources:
            if info.kind == FACTORS and info.version > self.held:
                self.held = info.version
                self.ever.add(info.version)

    def report(self, client: SyncClient, period: int, watches: Watches) -> None:
        """Says how a day went, where it is asked."""
        if self.asked:
            told = respond(self.key, period, EPSILON, truth=watches(self.held))
            held = [resource_pb2.HeldResource(kind=FACTORS, version=self.held)]
            report = release_pb2.ReleaseReport(
                period=period, held=held, watched=told, epsilon_hundredths=round(100 * EPSILON)
            )
            self.exchange(client, report)


@dataclass
class Fleet:
    """Real processes, and TVs that hold factors 1."""

    store: Store
    constellation: ServiceProcess
    start: Callable[[], ServiceProcess]
    client: SyncClient
    tvs: list[Tv]

    def each(self, act: Callable[[Tv], None]) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(act, self.tvs))

    def take(self, want: Callable[[str], int]) -> None:
        """Every TV takes what it is told of, until each has what it should; none ever has more."""
        deadline = time.monotonic() + 30
        while any(tv.held != want(tv.device.device_id) for tv in self.tvs):
            assert time.monotonic() < deadline, sorted(tv.held for tv in self.tvs)
            self.each(lambda tv: tv.take(self.client))
            assert all(tv.held <= want(tv.device.device_id) for tv in self.tvs)

    def report(self, watches: Watches) -> None:
        """Every TV that is asked reports yesterday and the day before."""
        today = day_of(datetime.now(UTC))
        for period in (today - 2, today - 1):
            self.each(lambda tv, period=period: tv.report(self.client, period, watches))  # type: ignore[misc]  # bound

    def publish(self, seed: int) -> int:
        """New factors, as a round publishes them; their version."""
        with self.store.transaction() as conn:
            version = resources.following_version(conn, ResourceKind.FACTORS)
            pack = factors_of(range(20), version, model_version=MODEL, seed=seed)
            body = encode_factors(pack)
            assert releases.publish(
                conn,
                ResourceKind.FACTORS,
                version,
                model_version=MODEL,
                body=body,
                now=datetime.now(UTC),
            )
        return version

    def newest(self) -> pb.Release:
        with AdminClient(self.constellation.address) as admin:
            return admin.list_releases(1).releases[0]

    def wait(self, stage: pb.ReleaseStage.ValueType) -> pb.Release:
        """The newest release once it stands there."""
        deadline = time.monotonic() + 30
        while (found := self.newest()).stage != stage:
            assert time.monotonic() < deadline, f"it stays at {found}"
            time.sleep(0.05)
        return found

    def inside(self, permille: int) -> set[str]:
        """Devices of the release under way."""
        with self.store.statements() as conn:
            (release,) = releases.under_way(conn)
        ids = {tv.device.device_id for tv in self.tvs}
        return {each for each in ids if device_number(release.salt, each) < permille}


@pytest.fixture
def fleet(database_url: str, key_file: Path, tmp_path: Path) -> Iterator[Fleet]:
    settings = {
        "OMEGA_CONSTELLATION_DATABASE_URL": database_url,
        "OMEGA_CONSTELLATION_LISTEN": f"unix:{tmp_path}/c.sock",
        "OMEGA_CONSTELLATION_RELEASE_STAGES": "300,600",
        "OMEGA_CONSTELLATION_RELEASE_LEAST_DEVICES": "100",
        "OMEGA_CONSTELLATION_RELEASE_LEAST_REPORTS": "90",
        "OMEGA_CONSTELLATION_RELEASE_MARGIN": "0.25",
        "OMEGA_CONSTELLATION_RELEASE_STAGE_HOURS": "0",
        "OMEGA_CONSTELLATION_RELEASE_LOOK_SECONDS": "0.1",
    }
    gateway = {
        "OMEGA_SYNC_TOKEN_KEYS": str(key_file),
        "OMEGA_SYNC_LISTEN": f"unix:{tmp_path}/s.sock",
        "OMEGA_SYNC_CONSTELLATION_TARGET": f"unix:{tmp_path}/c.sock",
        "OMEGA_SYNC_DEVICE_SYNC_BURST": "10000",
        "OMEGA_SYNC_DEVICE_CALL_BURST": "10000",
        "OMEGA_SYNC_POLL_SECONDS": "0.1",
    }
    with ExitStack() as stack:

        def start() -> ServiceProcess:
            return stack.enter_context(ServiceProcess(["omega-constellation"], settings))

        constellation = start()
        sync = stack.enter_context(ServiceProcess(["omega-sync"], gateway))
        client = stack.enter_context(SyncClient(sync.address))
        store = stack.enter_context(Store.connect(database_url))
        with ThreadPoolExecutor(8) as threads:
            tvs = list(threads.map(lambda _: Tv(enrolled(client)), range(DEVICES)))
        found = Fleet(store, constellation, start, client, tvs)
        found.publish(1)
        found.take(lambda _: 1)
        yield found


def test_a_bad_version_is_stopped_at_the_first_stage_and_taken_back(fleet: Fleet) -> None:
    assert fleet.publish(2) == 2
    inside = fleet.inside(300)
    fleet.take(lambda each: 2 if each in inside else 1)
    # With the new version hardly anybody watches what is recommended.
    fleet.report(lambda version: version != 2)
    release = fleet.wait(pb.RELEASE_STAGE_ROLLED_BACK)
    assert release.cause == "it does worse than the version before"
    assert release.candidate.estimate + 4 * release.candidate.standard_error < 1
    fleet.take(lambda _: 3)
    assert {tv.device.device_id for tv in fleet.tvs if 2 in tv.ever} == inside
    before, after = (_factors(fleet.store, version) for version in (1, 3))
    assert (before.factors == after.factors).all()
    assert (before.prior == after.prior).all()


def test_an_equal_version_goes_to_all_by_stages(fleet: Fleet) -> None:
    fleet.publish(2)
    first = fleet.inside(300)
    fleet.take(lambda each: 2 if each in first else 1)
    fleet.report(lambda _: True)
    fleet.wait(pb.RELEASE_STAGE_SECOND)
    second = fleet.inside(600)
    assert first < second
    fleet.take(lambda each: 2 if each in second else 1)
    # As if the days had gone by that were counted at the first stage.
    with fleet.store.transaction() as conn:
        conn.execute("DELETE FROM release_reports")
    fleet.report(lambda _: True)
    fleet.wait(pb.RELEASE_STAGE_COMPLETE)
    fleet.take(lambda _: 2)


def test_a_killed_judge_counts_nothing_twice_and_ends_nothing_twice(fleet: Fleet) -> None:
    """The constellation dies while reports come in, twice; then it finds the version bad."""
    fleet.publish(2)
    inside = fleet.inside(300)
    fleet.take(lambda each: 2 if each in inside else 1)
    today = day_of(datetime.now(UTC))
    for period in (today - 2, today - 1):
        with ThreadPoolExecutor(8) as threads:
            said = [
                threads.submit(tv.report, fleet.client, period, lambda version: version != 2)
                for tv in fleet.tvs
            ]
            said[len(said) // 3].result()
            fleet.constellation.kill()
            fleet.constellation = fleet.start()
            for each in said:
                each.result()
    release = fleet.wait(pb.RELEASE_STAGE_ROLLED_BACK)
    with fleet.store.statements() as conn:
        rows = conn.execute("SELECT count(*) FROM release_reports").fetchone()
        counted = conn.execute("SELECT sum(reports) FROM release_counts").fetchone()
        versions = conn.execute("SELECT version FROM resources ORDER BY version").fetchall()
        assert releases.withdrawn(conn) == [(FACTORS, 2)]
    assert rows == counted
    assert release.candidate.reports <= 2 * len(inside)
    assert versions == [(1,), (2,), (3,)]


def test_an_erased_device_leaves_no_row_and_its_bit_in_the_sum(fleet: Fleet) -> None:
    fleet.publish(2)
    inside = fleet.inside(300)
    fleet.take(lambda each: 2 if each in inside else 1)
    speaker = next(tv for tv in fleet.tvs if tv.held == 2)
    assert speaker.asked
    speaker.report(fleet.client, day_of(datetime.now(UTC)) - 1, lambda _: True)
    assert fleet.newest().candidate.reports == 1
    fleet.client.erase_device(credential=speaker.device.prover)
    with fleet.store.statements() as conn:
        assert devices.get(conn, speaker.device.device_id) is None
        assert conn.execute("SELECT count(*) FROM release_reports").fetchone() == (0,)
    assert fleet.newest().candidate.reports == 1


def _factors(store: Store, version: int) -> FactorPack:
    with store.statements() as conn:
        info = resources.info(conn, ResourceKind.FACTORS, version)
        return decode_factors(resources.read(conn, ResourceKind.FACTORS, version, 0, info.size))
