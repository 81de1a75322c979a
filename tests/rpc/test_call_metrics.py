from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import grpc
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

from omega_core.errors import invalid
from omega_testing import probe
from omega_testing.probe import ProbeClient


def counts(reader: InMemoryMetricReader) -> dict[tuple[str, str], int]:
    """(method, status) -> calls recorded by rpc.server.call.duration."""
    data = reader.get_metrics_data()
    if data is None:
        return {}
    found: dict[tuple[str, str], int] = {}
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name != "rpc.server.call.duration":
                    continue  # of another part of the suite in this process
                assert metric.unit == "s"
                for point in metric.data.data_points:
                    assert isinstance(point, HistogramDataPoint)
                    attributes = dict(point.attributes or {})
                    assert attributes.pop("rpc.system.name") == "grpc"
                    assert point.sum >= 0
                    key = (
                        str(attributes.pop("rpc.method")),
                        str(attributes.pop("rpc.response.status_code")),
                    )
                    assert attributes == {}
                    found[key] = point.count
    return found


def test_each_call_is_counted_by_method_and_status(
    serve: Callable[..., str],
    dial: Callable[[str], grpc.Channel],
    metric_reader: InMemoryMetricReader,
) -> None:
    def behaviour(request: bytes) -> bytes:
        if request == b"bad":
            raise invalid("the_field", "better")
        if request == b"worse":
            raise ValueError(request)
        return request

    before = counts(metric_reader)
    channel = dial(serve(behaviour))
    for request in (b"good", b"bad", b"worse", b"good"):
        call = ProbeClient(channel).unary.future(request, timeout=20)
        call.exception()
    assert len(list(ProbeClient(channel).server_stream(b"good", timeout=20))) == 3
    unary, stream = probe.UNARY.lstrip("/"), probe.SERVER_STREAM.lstrip("/")
    wanted = {
        (unary, "OK"): 2,
        (unary, "INVALID_ARGUMENT"): 1,
        (unary, "INTERNAL"): 1,
        (stream, "OK"): 1,
    }
    after = counts(metric_reader)
    assert {key: after[key] - before.get(key, 0) for key in wanted} == wanted


def test_without_a_provider_calls_leave_nothing_behind() -> None:
    # In a process of its own, since a provider that another test set stays for good.
    script = """
from opentelemetry.metrics import _internal
from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.server import Server
from omega_testing import probe
before = len(_internal._PROXY_METER_PROVIDER._meters)
with probe.running(Server(ServerConfig("127.0.0.1:0"), [probe.probe(bytes)])) as address:
    with connect(address) as channel:
        for _ in range(20):
            probe.ProbeClient(channel).unary(b"", timeout=20)
assert len(_internal._PROXY_METER_PROVIDER._meters) == before > 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=50)
