"""`omega bench constellation` at a small size: every figure is there and measured."""

from __future__ import annotations

from typing import Any

import pytest

from omega_cli.bench import constellation
from omega_core.errors import OmegaError


def test_every_figure_is_measured() -> None:
    plan = constellation.Plan(
        seconds=0.1,
        runs=1,
        devices=32,
        patterns=2_000,
        pulls=100,
        households=40,
        sketches_a_year=60,
    )
    said: list[str] = []
    figures = constellation.measure(plan, said.append)
    assert len(said) == plan.steps
    assert {name: figure.goal for name, figure in figures.items()} == {
        "ingest_patterns_s": ">= 20,000",
        "ingest_processors": "",
        "pull_query_ms": "<= 10",
        "pull_table_mb": "",
        "device_bytes": "",
        "growth_gb_day": "",
    }
    assert all(figure.value > 0 for figure in figures.values())
    assert set(figures["ingest_patterns_s"].beside) == {
        "over gRPC, IngestPatterns",
        "the writer, 4 sketches a push",
        "the writer, 64 callers with a push each",
        "plain COPY of 2,048 pushes",
        "a row an upsert, 2,048 a commit",
        "a row an upsert, one a commit",
    }
    assert all(rate > 0 for rate in figures["ingest_patterns_s"].beside.values())
    beside = figures["device_bytes"].beside
    assert beside["sketches and classes alone"] == 60 * 49
    assert all(beside[table] > 0 for table in ("devices", "pushes of a year", "kept rows"))


@pytest.mark.parametrize("changed", [{"seconds": 0}, {"patterns": 999}, {"households": 15}])
def test_sizes_have_bounds(changed: dict[str, Any]) -> None:
    with pytest.raises(OmegaError) as caught:
        constellation.Plan(**changed)
    assert [caught.value.field] == list(changed)
