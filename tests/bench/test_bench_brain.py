"""A whole run in small: every figure of the design's table, beside what it names, as one object."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from omega_cli.bench import encoding, serving
from omega_cli.bench.figures import Figure, as_json
from omega_cli.bench.plan import Plan
from omega_core.errors import OmegaError

SMALL = Plan(
    titles=100,
    events=40,
    runs=1,
    calls=4,
    viewings=4,
    warm_days=1,
    days=2,
    thinned=20,
    encoder="lexical",
)


def test_a_brain_is_measured_with_and_without_its_encoder() -> None:
    said: list[str] = []
    found = serving.measure(SMALL, said.append)
    assert {name: figure.unit for name, figure in found.items()} == {
        "recommend_p50_ms": "ms",
        "recommend_p99_ms": "ms",
        "observe_p99_ms": "ms",
        "rss_mb": "MB",
        "rss_without_encoder_mb": "MB",
        "start_s": "s",
        "memory_growth_mb_24h": "MB",
    }
    for name, figure in found.items():
        assert figure.goal.startswith("<= ")
        assert figure.beside
        assert all(math.isfinite(value) for value in (figure.value, *figure.beside.values()))
        if name != "memory_growth_mb_24h":
            assert min(figure.value, *figure.beside.values()) > 0
    # A service is a Python with gRPC and numpy, and more.
    for name in ("rss_mb", "rss_without_encoder_mb"):
        assert found[name].value > found[name].beside["python, grpc, numpy"]
    assert found["recommend_p50_ms"].value <= found["recommend_p99_ms"].value
    assert said


def test_figures_are_one_object_for_machines() -> None:
    figures = {"rss_mb": Figure(99.5, "MB", "<= 150", {"python": 43.0})}
    said = json.loads(as_json("brain", figures))
    assert said.keys() == {"bench", "machine", "figures"}
    assert said["bench"] == "brain"
    assert said["machine"].keys() == {"cores", "machine", "python", "system"}
    assert said["figures"] == {
        "rss_mb": {"value": 99.5, "unit": "MB", "goal": "<= 150", "beside": {"python": 43.0}}
    }


@pytest.mark.parametrize(
    "wrong", [{"titles": 99}, {"days": 1}, {"runs": 0}, {"vectors": 99}, {"warm_days": -1}]
)
def test_a_plan_has_bounds(wrong: dict[str, int]) -> None:
    with pytest.raises(OmegaError) as caught:
        Plan(**wrong)  # type: ignore[arg-type]  # fields by name
    assert [caught.value.field] == list(wrong)


def test_an_embedding_is_measured_beside_one_by_spelling() -> None:
    found = encoding.measure(replace(SMALL, queries=5))
    assert found.keys() == {"embed_ms"}
    assert found["embed_ms"].value > 0
    assert found["embed_ms"].beside.keys() == {"by spelling"}
