"""A server on a TV holds in memory what it uses, and no more."""

import os
import subprocess
import sys


def test_serving_loads_neither_exporters_nor_reflection() -> None:
    script = (
        "import os, sys\n"
        "import omega_rpc.server, omega_rpc.service\n"
        "from omega_rpc.telemetry import TelemetryConfig, telemetry_of\n"
        "with telemetry_of('omega-test', TelemetryConfig.read(os.environ)): print(*sys.modules)"
    )
    unset = ("OTEL_", "OMEGA_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert {"grpc", "opentelemetry.metrics"} <= loaded
    heavy = (
        "opentelemetry.sdk",
        "opentelemetry.exporter",
        "prometheus_client",
        "grpc_reflection.",
        "psutil",
    )
    assert [name for name in loaded if name.startswith(heavy)] == []
