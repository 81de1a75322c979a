"""`omega bench telemetry` at a small size: every figure is there, and telemetry was on."""

from __future__ import annotations

import pytest

from omega_cli.bench import telemetry
from omega_core.errors import OmegaError


def test_every_figure_is_measured() -> None:
    plan = telemetry.Plan(exchanges=100, together=10, fleet=10, runs=1)
    figures = telemetry.measure(plan, lambda _what: None)
    assert {name: figure.goal for name, figure in figures.items()} == {
        "telemetry_unary_ratio": "<= 1.05",
        "telemetry_unary_us": "",
        "telemetry_stream_ratio": "<= 1.05",
        "telemetry_stream_us": "",
        "telemetry_collected": "",
    }
    for kind in ("unary", "stream"):
        ratio, cost = (figures[f"telemetry_{kind}_{what}"] for what in ("ratio", "us"))
        assert ratio.value == pytest.approx(cost.value / cost.beside["off"])
        assert set(ratio.beside) == {"metrics", "metrics, all traces"}
        assert set(cost.beside) == set(ratio.beside) | {"off"}
    # Of each exchange where all traces are recorded, its own span at the least.
    assert figures["telemetry_collected"].value >= 200
    assert figures["telemetry_collected"].beside["points"] > 0


def test_sizes_have_bounds() -> None:
    with pytest.raises(OmegaError, match="runs"):
        telemetry.Plan(runs=0)
