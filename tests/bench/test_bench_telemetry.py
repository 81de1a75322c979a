"""`omega bench telemetry` at a small size: every figure is there, and telemetry was on."""

from __future__ import annotations

from typing import Any

import pytest

from omega_cli.bench import telemetry
from omega_core.errors import OmegaError


def test_every_figure_is_measured() -> None:
    modes = (telemetry.OFF, telemetry.SOME)
    plan = telemetry.Plan(exchanges=100, together=10, fleet=10, runs=1, modes=modes)
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
        assert (ratio.beside, set(cost.beside)) == ({}, {"off"})
    assert figures["telemetry_collected"].beside["characters scraped"] > 0


@pytest.mark.parametrize(("name", "value"), [("runs", 0), ("fleet", 0), ("modes", ("off",))])
def test_sizes_have_bounds(name: str, value: Any) -> None:
    with pytest.raises(OmegaError, match=name):
        telemetry.Plan(**{name: value})
