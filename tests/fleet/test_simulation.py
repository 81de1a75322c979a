"""A small fleet lives an hour against a real gateway, constellation, worker and Postgres."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_cli.fleet import plot, report
from omega_cli.fleet.faults import Fault, What
from omega_cli.fleet.run import Plan, Result, Simulation
from omega_cli.fleet.site import POSTGRES, Servers
from omega_eval.sample import load_sample

EVENING = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
TITLES = 240


def lived(plan: Plan) -> Result:
    return Simulation(plan, load_sample()[:TITLES], lambda _: None, lambda _: None).run()


@pytest.fixture(scope="module")
def quiet() -> Result:
    """Ten TVs are enrolled besides; tokens last two hours, so that some are renewed."""
    servers = Servers(token_hours=2)
    return lived(Plan(devices=20, hours=2, enrolled=30, start=EVENING, servers=servers))


@pytest.fixture(scope="module")
def troubled() -> Result:
    """The same with everything that can go wrong, one after the other."""
    faults = (
        Fault(300.0, What.LOSS, lasts=1_500.0, share=0.4),
        Fault(600.0, What.POISON, lasts=4_000.0, share=0.2),
        Fault(900.0, What.KILL, lasts=120.0, part="sync 1"),
        Fault(1_500.0, What.KILL, lasts=40.0, part=POSTGRES),
        Fault(2_100.0, What.KILL, lasts=40.0, part="constellation"),
        Fault(2_400.0, What.PARTITION, lasts=300.0, share=0.5),
        Fault(3_000.0, What.SKEW, lasts=600.0, share=0.3),
        Fault(3_900.0, What.KILL, lasts=120.0, part="worker"),
    )
    return lived(Plan(devices=20, hours=1.5, start=EVENING, faults=faults))


def test_every_tv_is_enrolled_with_one_exchange(quiet: Result) -> None:
    assert quiet.enrolment.calls == {"RegisterDevice": 30, "Sync": 30}
    assert quiet.enrolment.error_rate == 0


def test_a_quiet_fleet_loses_nothing_and_has_no_errors(quiet: Result) -> None:
    assert quiet.verdict.holds
    found = report.totals(quiet)
    assert found.failures == {}
    assert found.exchanges > 100
    assert quiet.samples[-1].hour == pytest.approx(2)
    assert sum(sample.on for sample in quiet.samples) > 0


def test_limits_and_lifetimes_pass_in_virtual_time(quiet: Result) -> None:
    """Two hours pass in seconds: without virtual time a limit of one a minute would refuse."""
    renewed = sum(sample.calls.get("RegisterDevice", 0) for sample in quiet.samples)
    assert renewed >= 10
    assert quiet.seconds < 2 * 3_600 / 10


def test_tvs_fetch_what_is_announced(quiet: Result) -> None:
    fetched = sum(sample.calls.get("GetResource", 0) for sample in quiet.samples)
    assert 0 < fetched <= 20 * 3
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
    assert len(found["samples"]) == len(quiet.samples) == 8
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
