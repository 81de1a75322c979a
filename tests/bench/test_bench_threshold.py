"""`omega bench threshold`, small: every party's figure, beside bare arithmetic of the run."""

from __future__ import annotations

import pytest

from omega_cli.bench import threshold, threshold_round
from omega_cli.bench.threshold_round import RoundPlan
from omega_core.errors import OmegaError


def test_every_partys_figure_stands_beside_another_of_the_run() -> None:
    said: list[str] = []
    found = threshold.measure(
        threshold.Plan(batch=2, reports=100, runs=1, devices=0, relayed=20), said.append
    )
    assert list(found) == [
        "threshold_evaluations_s",
        "threshold_reports_tv_s",
        "threshold_submissions_taken_s",
        "threshold_reports_opened_s",
        "threshold_report_bytes",
        "threshold_reports_relayed_s",
    ]
    assert all(figure.value > 0 and figure.beside for figure in found.values())
    assert found["threshold_report_bytes"].value == 241 + 33 + 2 * 96
    assert "the aggregator" in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch", 129),
        ("reports", 99),
        ("threshold", 1),
        ("runs", 0),
        ("devices", -1),
        ("relayed", -1),
    ],
)
def test_sizes_have_bounds(field: str, value: int) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be between"):
        threshold.Plan(**{field: value})


def test_a_round_says_what_it_went_over() -> None:
    said: list[str] = []
    found = threshold_round.measure(RoundPlan(devices=40, liked=4, titles=100), said.append)
    assert list(found) == ["threshold_round_s", "threshold_round_peak_mb"]
    beside = found["threshold_round_s"].beside
    assert (beside["devices"], beside["reports that came in"]) == (40, 40 * 10)
    assert 0 < beside["titles with factors"] < beside["titles and pairs opened"]
    assert beside["titles and pairs opened"] < beside["reports counted"] < 400
    assert "a round over 400 reports of 40 devices" in said


@pytest.mark.parametrize(
    ("field", "value"), [("devices", 9), ("liked", 1), ("titles", 99), ("threshold", 33)]
)
def test_sizes_of_a_round_have_bounds(field: str, value: int) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be between"):
        RoundPlan(**{field: value})
