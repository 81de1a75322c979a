"""`omega bench sync` at a small size: every figure is there and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_cli.bench import sync
from omega_cli.bench.sync_plot import draw
from omega_core.errors import OmegaError


def test_every_figure_is_measured_and_drawn(tmp_path: Path) -> None:
    plan = sync.Plan(
        exchanges=100, together=4, streams=8, clients=2, period=1, fleets=(8, 16), runs=1
    )
    said: list[str] = []
    figures, growth = sync.measure(plan, said.append)
    assert {name: figure.goal for name, figure in figures.items()} == {
        "syncs_per_core_s": ">= 1,400",
        "sync_vs_empty_ratio": ">= .4",
        "sync_cpu_us": "",
        "proof_cpu_us": "",
        "syncs_by_fleet": "",
        "open_streams": ">= 5,000",
        "stream_memory_mb": "<= 1,024",
    }
    assert set(figures["syncs_per_core_s"].beside) == {
        "empty unary call",
        "unary call with a certificate",
        "unary call with a proof",
        "16 sketches",
        "two calls with proofs",
        "TLS",
        "a new TLS connection each",
    }
    assert all(figure.value > 0 for figure in figures.values())
    assert set(figures["sync_cpu_us"].beside) == {"sync", "constellation", "Postgres"}
    assert figures["open_streams"].value == 8
    assert [fleet for fleet, _ in growth.exchanges] == [8, 16]
    assert [streams for streams, _ in growth.memory] == [0, 2, 4, 6, 8]
    assert said
    draw(growth, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("changed", [{"exchanges": 99}, {"streams": 19_001}, {"clients": 0}])
def test_sizes_have_bounds(changed: dict[str, Any]) -> None:
    with pytest.raises(OmegaError) as caught:
        sync.Plan(**changed)
    assert [caught.value.field] == list(changed)
