"""What a brain tells of its exchanges to whoever exports its metrics."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from pathlib import Path
import grpc
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.errors import OmegaError
from omega_testing.gateway import Fault, Gateway, serving

gateway = Gateway()
with serving(gateway) as address:
    config = BrainConfig(
        storage_path=Path(sys.argv[1]), encoder="lexical", constellation_url=f"http://{address}"
    )
    with Brain(config) as brain:
        outcomes = [brain.sync() for _ in range(2)]
        gateway.faults.append(Fault(grpc.StatusCode.INTERNAL))
        try:
            brain.sync()
        except OmegaError:
            pass
seen = {"pushed": sum(o.pushed_bytes for o in outcomes)}
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            seen[metric.name] = [
                [dict(point.attributes), getattr(point, "count", None) or point.value]
                for point in metric.data.data_points
            ]
json.dump(seen, sys.stdout)
"""


def test_exchanges_are_timed_by_outcome_and_their_bytes_counted(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "tv")],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    seen = json.loads(ended.stdout)
    told = {"omega.sync.transport": "grpc"}
    assert sorted(seen["omega.sync.exchange.duration"], key=lambda point: -point[1]) == [
        [{**told, "omega.sync.outcome": "succeeded"}, 2],
        [{**told, "omega.sync.outcome": "SYNC_UNAVAILABLE"}, 1],
    ]
    assert seen["omega.sync.push.size"] == [[{}, seen["pushed"]]]
    assert seen["omega.sync.pull.size"][0][1] > 0
    assert seen["omega.sync.resource.size"] == [[{}, 0]]
