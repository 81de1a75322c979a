"""Who is told: nobody, a collector, whoever scrapes, or both; and what is wrong is named."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import telemetry
from omega_rpc.telemetry import TelemetryConfig, telemetry_of
from omega_testing.otlp import Collector
from omega_testing.small_service import environment, run, written

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, TelemetryConfig()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OMEGA_METRICS_LISTEN": ""}, TelemetryConfig()),
        (ENDPOINT, TelemetryConfig(traces=True, metrics=True)),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, TelemetryConfig(metrics=True)),
        (ENDPOINT | {"OTEL_METRICS_EXPORTER": "none"}, TelemetryConfig(traces=True)),
        ({"OMEGA_METRICS_LISTEN": "0.0.0.0:9464"}, TelemetryConfig(listen="0.0.0.0:9464")),
        (
            ENDPOINT | {"OMEGA_METRICS_LISTEN": "[::]:0", "OTEL_SDK_DISABLED": "true"},
            TelemetryConfig(),
        ),
    ],
)
def test_nobody_is_told_who_is_not_named(environ: dict[str, str], wanted: TelemetryConfig) -> None:
    assert TelemetryConfig.read(environ) == wanted


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OMEGA_METRICS_LISTEN", "9464"),
        ("OMEGA_METRICS_LISTEN", "127.0.0.1:http"),
        ("OMEGA_METRICS_LISTEN", "127.0.0.1:70000"),
        ("OMEGA_METRICS_LISTEN", "unix:/run/metrics"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
    ],
)
def test_a_wrong_value_is_named(variable: str, value: str) -> None:
    with pytest.raises(OmegaError) as caught:
        TelemetryConfig.read({variable: value})
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, variable)


def test_no_other_machine_scrapes_a_tv() -> None:
    assert TelemetryConfig.read({"OMEGA_METRICS_LISTEN": "127.0.0.1:0"}, at_home=True).listen
    with pytest.raises(OmegaError, match="loopback") as caught:
        TelemetryConfig.read({"OMEGA_METRICS_LISTEN": "0.0.0.0:9464"}, at_home=True)
    assert caught.value.field == "OMEGA_METRICS_LISTEN"


@pytest.mark.parametrize(
    ("module", "settings", "variable"),
    [
        (
            "opentelemetry.exporter.prometheus",
            TelemetryConfig(listen="127.0.0.1:0"),
            "OMEGA_METRICS_LISTEN",
        ),
        (
            "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
            TelemetryConfig(traces=True),
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ],
)
def test_an_extra_that_is_missing_is_named(
    module: str, settings: TelemetryConfig, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OmegaError, match="omega-rpc") as caught, telemetry_of("a", settings):
        pass
    assert caught.value.field == variable


def test_an_address_that_is_taken_ends_the_start(
    program: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(program, OMEGA_METRICS_LISTEN=f"127.0.0.1:{port}")
    assert ended.returncode == 78
    assert "OMEGA_METRICS_LISTEN" in ended.stderr
    assert ended.stdout == ""


def test_a_command_that_runs_once_tells_what_it_did(
    program: Path,
) -> None:
    with Collector() as collector:
        begun = time.monotonic()
        ended = run(program, "--greet", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        assert (ended.returncode, ended.stdout) == (3, "hello\n")
        (used,) = (
            p for p in collector.points("process.cpu.time") if p.attributes["cpu.mode"] == "user"
        )
        assert 0 < used.value < time.monotonic() - begun
        (resident,) = collector.points("process.memory.usage")
        assert 10_000_000 < resident.value < 1_000_000_000
        assert collector.resources()["omega-rpc"]["service.name"] == "omega-rpc"


def test_a_collector_that_takes_nothing_holds_up_no_stop() -> None:
    taken, done = threading.Event(), threading.Event()
    telemetry._end([taken.wait, done.set])
    assert done.is_set()
    taken.set()


def test_metrics_are_scraped_as_soon_as_it_listens(program: Path) -> None:
    with subprocess.Popen(
        [sys.executable, program],
        env=environment({"OMEGA_METRICS_LISTEN": "127.0.0.1:0"}),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            listening = json.loads(process.stdout.readline())
            url = f"http://{listening['metrics_listen']}/metrics"
            with urllib.request.urlopen(url, timeout=20) as answer:
                text = answer.read().decode()
        finally:
            process.terminate()
    assert process.returncode == 0
    assert 'service_name="omega-rpc"' in text
    assert "process_cpu_time_seconds_total" in text
    assert "python_info" not in text
