"""`omega bench threshold`, small: every party's figure, beside bare arithmetic of the run."""

from __future__ import annotations

import pytest

from omega_cli.bench import threshold
from omega_core.errors import OmegaError


def test_every_partys_figure_stands_beside_another_of_the_run() -> None:
    said: list[str] = []
    found = threshold.measure(threshold.Plan(batch=2, reports=100, runs=1), said.append)
    assert list(found) == [
        "threshold_evaluations_s",
        "threshold_reports_tv_s",
        "threshold_submissions_taken_s",
        "threshold_reports_opened_s",
        "threshold_report_bytes",
    ]
    assert all(figure.value > 0 and figure.beside for figure in found.values())
    assert found["threshold_report_bytes"].value == 241 + 33 + 2 * 96
    assert "the aggregator" in said


@pytest.mark.parametrize(
    ("field", "value"), [("batch", 129), ("reports", 99), ("threshold", 1), ("runs", 0)]
)
def test_sizes_have_bounds(field: str, value: int) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be between"):
        threshold.Plan(**{field: value})
