"""`omega bench federation`, small: real Postgres, real worker, every figure beside something."""

from __future__ import annotations

import json

import pytest

from omega_cli.bench import federation, figures
from omega_core.errors import OmegaError


def test_every_figure_stands_beside_another_of_the_run() -> None:
    said: list[str] = []
    plan = federation.Plan(devices=100, titles=500, sketches=16, runs=1, growth=(100,))
    found = federation.measure(plan, said.append)
    assert set(found) == {
        "decode_ms",
        "round_s",
        "solve_s",
        "step_s",
        "incremental_ratio",
        "growth_s",
        "growth_peak_mb",
        "round_peak_mb",
        "factor_delta_bytes",
    }
    assert all(figure.value > 0 and figure.beside for figure in found.values())
    assert found["incremental_ratio"].beside == {"changed devices": 0.01}
    assert found["factor_delta_bytes"].value <= found["factor_delta_bytes"].beside["full pack"]
    assert "a refresh" in said
    assert list(found["growth_s"].beside) == ["100 devices, 1 worker", "100 devices, 2 workers"]
    body = json.loads(figures.as_json("federation", found))
    assert body["bench"] == "federation"
    assert body["figures"]["incremental_ratio"]["goal"] == "<= .05"


@pytest.mark.parametrize(
    ("field", "value"),
    [("devices", 99), ("titles", 99), ("sketches", 15), ("changed", 0.0), ("runs", 0)],
)
def test_sizes_have_bounds(field: str, value: float) -> None:
    with pytest.raises(OmegaError) as caught:
        federation.Plan(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field
