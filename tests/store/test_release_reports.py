"""Reports: counted once a device, kind and day, without the device, and gone with it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from omega_core.clock import ManualClock, day_of
from omega_core.dealing import device_number
from omega_store import PushWriter, Store, devices, pushes, release_reports, releases, resources
from omega_store.pushes import Outcome, Push
from omega_store.release_reports import Count, Report, counts
from omega_store.releases import Release, ReleasePlan
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW, push, registered

FACTORS = ResourceKind.FACTORS
TODAY = day_of(NOW)
YESTERDAY = TODAY - 1


def report(version: int, *, watched: bool = True, period: int = YESTERDAY) -> Report:
    return Report(period, ((1, 7), (FACTORS, version)), watched, 100)


class Fleet:
    """Devices inside and outside of a release of factors 2, at its first stage."""

    def __init__(self, store: Store) -> None:
        self.store = store
        ids = registered(store, 120)
        with store.transaction() as conn:
            releases.set_plan(conn, ReleasePlan(300, 600, 1))
            for version in (1, 2):
                resources_body = b"%d" % version
                releases.publish(
                    conn, FACTORS, version, model_version=MODEL, body=resources_body, now=NOW
                )
            (release,) = releases.under_way(conn)
            assert resources.newest_version(conn, FACTORS) == 2
        self.release: Release = release
        numbers = {each: device_number(release.salt, each) for each in ids}
        self.inside = [each for each in ids if numbers[each] < 300]
        self.asked = [each for each in ids if 300 <= numbers[each] < 600]
        self.rest = [each for each in ids if numbers[each] >= 600]

    def say(self, device_id: str, told: Report) -> Outcome:
        """One exchange without sketches."""
        with self.store.transaction() as conn:
            said = replace(push(device_id, 0), report=told)
            return pushes.store(conn, [said], NOW)[0].outcome

    def counts(self, stage: int = 1) -> dict[bool, tuple[int, int]]:
        with self.store.statements() as conn:
            found = counts(conn, self.release.release_id, stage)
        sides: dict[bool, tuple[int, int]] = {}
        for each in found:
            reports, positive = sides.get(each.candidate, (0, 0))
            sides[each.candidate] = (reports + each.reports, positive + each.positive)
        return sides


@pytest.fixture
def fleet(store: Store) -> Fleet:
    return Fleet(store)


def test_sides_are_told_apart_by_number_and_version(fleet: Fleet) -> None:
    fleet.say(fleet.inside[0], report(2))
    fleet.say(fleet.inside[1], report(2, watched=False))
    fleet.say(fleet.asked[0], report(1))
    # Not the version that its side has, or of neither side.
    fleet.say(fleet.inside[2], report(1))
    fleet.say(fleet.asked[1], report(2))
    fleet.say(fleet.rest[0], report(1))
    fleet.say(fleet.rest[1], report(2))
    assert fleet.counts() == {True: (2, 1), False: (1, 1)}


def test_a_device_counts_once_a_day_whatever_it_repeats(fleet: Fleet) -> None:
    for watched in (True, True, False):
        fleet.say(fleet.inside[0], report(2, watched=watched))
    assert fleet.counts() == {True: (1, 1)}
    fleet.say(fleet.inside[0], report(2, period=TODAY - 2))
    with fleet.store.statements() as conn:
        assert counts(conn, fleet.release.release_id, 1) == [
            Count(candidate=True, period=day, epsilon_hundredths=100, reports=1, positive=1)
            for day in (TODAY - 2, YESTERDAY)
        ]


def test_within_one_batch_too(fleet: Fleet) -> None:
    batch = [replace(push(fleet.inside[0], 0), report=report(2)) for _ in range(3)]
    with fleet.store.transaction() as conn:
        pushes.store(conn, batch, NOW)
    assert fleet.counts() == {True: (1, 1)}


@pytest.mark.parametrize("period", [1, TODAY - 3, TODAY + 1, 65_535])
def test_days_to_come_and_long_over_do_not_count(fleet: Fleet, period: int) -> None:
    assert fleet.say(fleet.inside[0], report(2, period=period)) is Outcome.STORED
    assert fleet.counts() == {}
    with fleet.store.statements() as conn:
        assert conn.execute("SELECT count(*) FROM release_reports").fetchone() == (0,)


def test_devices_that_are_unknown_or_shut_out_do_not_count(fleet: Fleet) -> None:
    with fleet.store.transaction() as conn:
        devices.revoke(conn, fleet.inside[0], NOW)
    assert fleet.say(fleet.inside[0], report(2)) is Outcome.REVOKED_DEVICE
    assert fleet.say(f"tv-{uuid.UUID(int=0).hex}", report(2)) is Outcome.UNKNOWN_DEVICE
    assert fleet.counts() == {}


def test_no_row_says_what_a_device_said(fleet: Fleet) -> None:
    fleet.say(fleet.inside[0], report(2, watched=False))
    with fleet.store.statements() as conn:
        rows = conn.execute("SELECT * FROM release_reports").fetchall()
    assert rows == [(fleet.inside[0], FACTORS, YESTERDAY)]


def test_erasure_takes_the_row_and_leaves_the_sum(fleet: Fleet) -> None:
    fleet.say(fleet.inside[0], report(2))
    with fleet.store.transaction() as conn:
        devices.erase(conn, fleet.inside[0])
    with fleet.store.statements() as conn:
        assert conn.execute("SELECT count(*) FROM release_reports").fetchone() == (0,)
    assert fleet.counts() == {True: (1, 1)}


def test_a_push_that_fails_counts_nothing(fleet: Fleet) -> None:
    def fail() -> None:
        with fleet.store.transaction() as conn:
            pushes.store(conn, [replace(push(fleet.inside[0], 0), report=report(2))], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert fleet.counts() == {}


def test_stages_are_counted_apart(fleet: Fleet) -> None:
    fleet.say(fleet.inside[0], report(2))
    with fleet.store.transaction() as conn:
        releases.promote(conn, fleet.release, NOW)
    # Inside by now; the ones that were asked so far are among them.
    fleet.say(fleet.asked[0], report(2))
    fleet.say(fleet.rest[0], report(1))
    assert fleet.counts(1) == {True: (1, 1)}
    assert fleet.counts(2) == {True: (1, 1), False: (1, 1)}


def test_nothing_counts_where_nothing_is_released(fleet: Fleet) -> None:
    with fleet.store.transaction() as conn:
        releases.complete(conn, fleet.release, "by hand", NOW)
    fleet.say(fleet.inside[0], report(2))
    assert fleet.counts() == {}


def test_many_writers_count_every_device_once(fleet: Fleet) -> None:
    told = [replace(push(each, 2), report=report(2)) for each in fleet.inside]
    told += [replace(push(each, 2), report=report(1)) for each in fleet.asked]

    def write(batch: list[Push]) -> None:
        for each in batch:
            writer.write([each])

    with (
        PushWriter(fleet.store, clock=ManualClock(NOW)) as writer,
        ThreadPoolExecutor(4) as threads,
    ):
        list(threads.map(write, [told, told[::-1], told[1:], told[2:]]))
    inside, asked = len(fleet.inside), len(fleet.asked)
    assert fleet.counts() == {True: (inside, inside), False: (asked, asked)}


def test_rows_are_forgotten_when_their_day_counts_no_more(fleet: Fleet) -> None:
    fleet.say(fleet.inside[0], report(2))
    fleet.say(fleet.inside[1], report(2, period=TODAY))
    for days, left in ((2, 1), (3, 0)):
        with fleet.store.transaction() as conn:
            release_reports.forget(conn, NOW + timedelta(days=days))
            row = conn.execute("SELECT count(*) FROM release_reports").fetchone()
        assert row == (left,)
    assert fleet.counts() == {True: (2, 2)}
