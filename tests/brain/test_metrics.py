"""What a brain tells whoever exports its metrics, and its log; without an exporter nothing."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_brain.brain import Brain
from omega_brain.metering import Metering
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_runtime import EventBus
from omega_runtime.event_types import AnswerDegraded, BreakerChanged, HealthChanged

SCRIPT = """
import json, sys
from datetime import timedelta
from pathlib import Path
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import SystemClock
from omega_runtime import Published
from omega_runtime.event_types import BreakerChanged, LoopFailed, MemoryEvicted

config = BrainConfig(
    storage_path=Path(sys.argv[1]), encoder="lexical", constellation_url="",
    recommend_timeout_ms=10_000,
)
with Brain(config) as brain:
    brain.start()
    for _ in range(3):
        brain.recommend(RecommendQuery())
    now = SystemClock().now()
    publish = brain.runtime.events.publish
    publish(BreakerChanged(breaker="index", before="closed", after="open"))
    publish(LoopFailed(loop="adaptive", error="KeyError"))
    publish(MemoryEvicted(tier="session", count=7, reason="full"))
    brain.loops.stop()
    brain.loops.tick(now)
    brain.loops.tick(now + timedelta(minutes=31))
    seen = {}
    while "omega.brain.taste.patterns" not in seen:
        for resource in reader.get_metrics_data().resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    seen[metric.name] = [
                        [dict(point.attributes), getattr(point, "count", None) or point.value]
                        for point in metric.data.data_points
                    ]
json.dump(seen, sys.stdout)
"""


def test_lists_cycles_memories_and_breakers_are_counted(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "tv")],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    seen = json.loads(ended.stdout)
    assert seen["omega.brain.answer.duration"] == [[{"omega.brain.mode": "healthy"}, 3]]
    assert seen["omega.brain.breaker.state"] == [[{"omega.brain.part": "index"}, 2]]
    assert seen["omega.brain.loop.failures"] == [
        [{"omega.brain.loop": "adaptive", "error.type": "KeyError"}, 1]
    ]
    assert seen["omega.brain.memory.evicted"] == [[{"omega.brain.tier": "session"}, 7]]
    assert [{"omega.brain.loop": "adaptive"}, 1] in seen["omega.brain.loop.duration"]
    assert seen["omega.brain.taste.patterns"] == [[{}, 0]]


PROGRAM = """
import json, os, signal, sys
from omega_brain import __main__
from omega_rpc import service

def wait(_signals):
    print(json.dumps([name for name in sys.modules if name.startswith(("opentelemetry.", "prom"))]))
    return signal.SIGTERM

signal.sigwait = wait
sys.exit(__main__.main())
"""


@pytest.mark.parametrize(
    ("asked", "loads"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OMEGA_METRICS_LISTEN": "127.0.0.1:0"}, True),
    ],
)
def test_a_tv_loads_the_sdk_only_where_it_is_asked_for(
    asked: dict[str, str], *, loads: bool, tmp_path: Path
) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("OMEGA_", "OTEL_"))}
    settings = {
        "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
        "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_CONSTELLATION_URL": "",
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environ, **settings, **asked},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    listening, modules = map(json.loads, ended.stdout.splitlines())
    assert ("metrics_listen" in listening) is loads
    assert "opentelemetry.metrics" in modules
    heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "prom")
    assert any(name.startswith(heavy) for name in modules) is loads


def test_what_happens_is_logged_without_a_word_of_people(
    brain: Brain,
    titles: list[Content],
    viewing: Callable[..., ViewingEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, metering = EventBus(brain.clock), Metering(lambda: 0)
    brain.observe(viewing(titles[0].content_id))
    with caplog.at_level(logging.INFO, "omega_brain.metering"):
        for event in (
            AnswerDegraded(way="exact", mode="degraded", falls=(("pipeline", "late"),)),
            HealthChanged(part="encoder", before="healthy", after="degraded", reason="3 failures"),
            BreakerChanged(breaker="encoder", before="closed", after="open"),
        ):
            bus.publish(event)
        for published in bus.recent():
            metering(published)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        ("INFO", "a list came by the way exact: {'pipeline': 'late'}"),
        ("WARNING", "encoder was healthy and is degraded. 3 failures"),
        ("INFO", "the breaker of encoder was closed and is open"),
    ]
