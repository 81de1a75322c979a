"""A server on a TV holds in memory what it uses, and no more."""

import os
import subprocess
import sys

from omega_rpc.telemetry import VARIABLE


def test_serving_loads_neither_the_exporter_of_metrics_nor_reflection() -> None:
    script = (
        "import sys\n"
        "import omega_rpc.server, omega_rpc.service\n"
        "from omega_rpc.telemetry import configure_telemetry\n"
        "with configure_telemetry('omega-test'): print(*sys.modules)"
    )
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert {"grpc", "opentelemetry.metrics"} <= loaded
    heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "grpc_reflection.", "psutil")
    assert [name for name in loaded if name.startswith(heavy)] == []
