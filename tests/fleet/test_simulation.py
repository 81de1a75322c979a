"""A small fleet lives an hour against a real gateway, constellation, worker and Postgres."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_cli.fleet import plot, report
from omega_cli.fleet.faults import Fault, What
from omega_cli.fleet.run import Plan, Result, Simulation
from omega_cli.fleet.site import POSTGRES, Servers
from omega_eval.sample import load_sample

EVENING = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
TITLES = 160


def lived(plan: Plan) -> Result:
    return Simulation(plan, load_sample()[:TITLES], lambda _: None, lambda _: None).run()


@pytest.fixture(scope="module")
def quiet() -> Result:
    """Ten TVs are enrolled besides; tokens last an hour, so that some are renewed."""
    servers = Servers(token_hours=1, codebook=False)
    plan = Plan(devices=20, hours=1.25, enrolled=30, slice_seconds=45, start=EVENING)
    return lived(replace(plan, servers=servers))


@pytest.fixture(scope="module")
def troubled() -> Result:
    """The same with everything that can go wrong, one after the other."""
    faults = (
        Fault(240.0, What.POISON, lasts=3_000.0, share=0.3),
        Fault(300.0, What.LOSS, lasts=1_200.0, share=0.4),
        Fault(900.0, What.KILL, lasts=60.0, part="sync 1"),
        Fault(1_500.0, What.KILL, lasts=45.0, part=POSTGRES),
        Fault(1_800.0, What.KILL, lasts=45.0, part="constellation"),
        Fault(2_100.0, What.PARTITION, lasts=300.0, share=0.5),
        Fault(2_400.0, What.SKEW, lasts=600.0, share=0.3),
    )
    plan = Plan(devices=20, hours=1, slice_seconds=45, sample_minutes=10, start=EVENING)
    servers = Servers(call_seconds=1.0, codebook=False)
    return lived(replace(plan, servers=servers, faults=faults))


def test_every_tv_is_enrolled_with_one_exchange(quiet: Result) -> None:
    assert quiet.enrolment.calls == {"RegisterDevice": 30, "Sync": 30}
    assert quiet.enrolment.error_rate == 0


def test_a_quiet_fleet_loses_nothing_and_has_no_errors(quiet: Result) -> None:
    assert quiet.verdict.holds
    found = report.totals(quiet)
    assert found.failures == {}
    assert found.exchanges > 20
    assert quiet.samples[-1].hour == pytest.approx(1.25)
    assert sum(sample.on for sample in quiet.samples) > 0


def test_limits_and_lifetimes_pass_in_virtual_time(quiet: Result) -> None:
    """An hour passes in seconds: without virtual time a limit of one a minute would refuse."""
    renewed = sum(sample.calls.get("RegisterDevice", 0) for sample in quiet.samples)
    assert renewed >= 10
    assert quiet.seconds < 1.25 * 3_600 / 10


def test_tvs_fetch_what_is_announced(quiet: Result) -> None:
    fetched = sum(sample.calls.get("GetResource", 0) for sample in quiet.samples)
    assert 0 < fetched <= 20 * 2
    assert report.totals(quiet).bytes_bodies > 0


def test_nothing_is_lost_or_counted_twice_through_faults(troubled: Result) -> None:
    verdict = troubled.verdict
    assert verdict.holds, verdict
    assert verdict.acknowledged == verdict.stored > 0
    assert verdict.duplicates > 0


def test_the_report_shows_faults_and_recovery(troubled: Result) -> None:
    failures = report.totals(troubled).failures
    assert {"answer lost", "UNAVAILABLE", "UNAUTHENTICATED"} <= failures.keys()
    assert max(sample.error_rate for sample in troubled.samples[:4]) > 0.2
    assert troubled.samples[-1].error_rate == 0


def test_the_report_is_one_object_and_the_picture_is_small(quiet: Result, tmp_path: Path) -> None:
    found = json.loads(report.as_json(quiet))
    assert found["verdict"]["holds"] is True
    assert len(found["samples"]) == len(quiet.samples) == 5
    assert set(found["samples"][-1]["memory_mb"]) == {
        "constellation",
        "sync 1",
        "worker",
        "Postgres",
        "simulator",
    }
    picture = tmp_path / "fleet.png"
    plot.draw(quiet, picture, predicted=0.01)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.stat().st_size <= 200_000
