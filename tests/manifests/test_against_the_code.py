"""Ports, probes, times, metrics and sizes of the manifests are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from k8s_rules import drains, parties, ports, scaling
from k8s_rules.objects import Render, Workload, at
from k8s_rules.pods import quantity

from omega_cli.capacity.inputs import Costs, Inputs
from omega_console.app import described
from omega_constellation.config import ConstellationConfig
from omega_federation_worker.config import FederationConfig
from omega_randomness.config import RandomnessConfig
from omega_rpc.config import ServerConfig
from omega_rpc.health import LIVE
from omega_sync.config import SyncConfig
from omega_testing.metrics_page import metrics

ROOT = Path(__file__).resolve().parents[2]
MB = 10**6
NETWORK = {
    "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE",
    "OMEGA_SYNC_NETWORK_CALL_BURST",
    "OMEGA_CONSOLE_FAILURES_PER_MINUTE",
    "OMEGA_CONSOLE_FAILURE_BURST",
}
"""Limits by the network that a call comes from."""
BUSY = 10_000
"""Refused tokens a minute that no office full of operators comes to."""
_METRIC = re.compile(r"\b(?:omega|rpc|db|process)_[a-z_]+\b")


def default(config: type[Any], name: str) -> Any:
    (found,) = (field.default for field in fields(config) if field.name == name)
    return found


def work(render: Render, name: str) -> Workload:
    (found,) = (each for each in render.workloads("Deployment") if each.name == name)
    return found


def setting(render: Render, workload: str, variable: str, otherwise: float) -> float:
    return float(render.environ(work(render, workload)).get(variable) or otherwise)


def memory(render: Render, name: str) -> float:
    return float(quantity(work(render, name).main["resources"]["limits"]["memory"]))


def test_what_the_rules_take_for_defaults_is_so() -> None:
    assert ports.LIVE == LIVE
    assert default(ServerConfig, "grace_seconds") == drains.DEFAULT_GRACE
    assert default(ServerConfig, "drain_seconds") == 0
    assert default(FederationConfig, "round_seconds") == drains.ROUND_SECONDS
    pools = {name: pool for name, (_, pool) in scaling.POOLS.items()}
    assert pools.pop("constellation") == default(ConstellationConfig, "pool_size")
    assert set(pools.values()) == {default(FederationConfig, "pool_size")}


def test_epochs_are_counted_alike_where_nothing_is_set() -> None:
    for config in (ConstellationConfig, FederationConfig, RandomnessConfig):
        assert str(default(config, "epoch_days")) == parties.TURNS["_EPOCH_DAYS"]
        assert str(default(config, "grace_hours")) == parties.TURNS["_GRACE_HOURS"]


def test_ports_are_where_services_listen(renders: dict[str, Render]) -> None:
    for render in renders.values():
        for each in render.workloads("Deployment"):
            listens = {
                int(value.rpartition(":")[2])
                for name, value in render.environ(each).items()
                if name.endswith("_LISTEN") and value
            }
            if each.name in ports.OURS:
                assert {port["containerPort"] for port in each.ports()} == listens, each


def test_the_console_is_asked_at_paths_that_it_has(renders: dict[str, Render]) -> None:
    paths = set(described()["paths"])
    main = work(renders["production"], "console").main
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert main[kind]["httpGet"]["path"] in paths


def test_streams_end_within_the_grace_of_a_gateway(renders: dict[str, Render]) -> None:
    render = renders["production"]
    spread = setting(
        render,
        "sync",
        "OMEGA_SYNC_STREAM_SPREAD_SECONDS",
        default(SyncConfig, "stream_spread_seconds"),
    )
    call = setting(
        render,
        "sync",
        "OMEGA_SYNC_CALL_TIMEOUT_SECONDS",
        default(SyncConfig, "call_timeout_seconds"),
    )
    assert max(spread, call) < setting(render, "sync", "OMEGA_SYNC_GRACE_SECONDS", 0)


def test_a_killed_pod_is_known_before_it_refuses(renders: dict[str, Render]) -> None:
    """Readiness is asked often enough that a drain is seen, and endpoints are gone, within it."""
    for name in ports.OURS:
        render = renders[name if name in parties.PARTIES else "production"]
        each = work(render, name)
        environ = render.environ(each)
        (drain,) = (v for n, v in environ.items() if n.endswith("_DRAIN_SECONDS"))
        assert float(drain or 0) >= each.main["readinessProbe"]["periodSeconds"]


@pytest.mark.parametrize("name", ["dev", "staging", "production", "fleet"])
def test_a_full_gateway_fits_its_memory(name: str, renders: dict[str, Render]) -> None:
    costs = Inputs.read(Costs).values
    render = renders[name]
    streams = setting(
        render, "sync", "OMEGA_SYNC_MAX_OPEN_STREAMS", default(SyncConfig, "max_open_streams")
    )
    cache = setting(
        render, "sync", "OMEGA_SYNC_RESOURCE_CACHE_MB", default(SyncConfig, "resource_cache_mb")
    )
    full = costs.gateway_mb * MB + streams * costs.stream_kb * 1e3 + cache * 2**20
    assert full * 1.25 <= memory(render, "sync")


@pytest.mark.parametrize("name", ["production", "shard-eu-7"])
def test_a_constellation_with_all_that_may_wait_fits_its_memory(
    name: str, renders: dict[str, Render]
) -> None:
    costs = Inputs.read(Costs).values
    waiting = default(ConstellationConfig, "most_waiting_mb")
    assert (costs.constellation_mb * MB + waiting * 2**20) * 2 <= memory(
        renders[name], "constellation"
    )


@pytest.mark.parametrize("name", ["staging", "production"])
def test_limits_by_network_are_for_callers_whose_addresses_are_seen(
    name: str, renders: dict[str, Render]
) -> None:
    """Behind a proxy all callers have one address: what holds one network would hold all."""
    render = renders[name]
    raised = {
        variable
        for service in ("sync", "console")
        for variable in render.environ(work(render, service))
        if "_NETWORK_" in variable or "_FAILURE" in variable
    }
    assert raised == (NETWORK if render.of("Gateway") else set())
    for variable in raised:
        service = "sync" if "_SYNC_" in variable else "console"
        assert setting(render, service, variable, 0) >= BUSY


def test_gateways_are_added_before_their_streams_are_full(renders: dict[str, Render]) -> None:
    (scaler,) = (
        each
        for each in renders["production"].of("HorizontalPodAutoscaler")
        if each["metadata"]["name"] == "sync"
    )
    (custom,) = (m["pods"] for m in scaler["spec"]["metrics"] if m["type"] == "Pods")
    wanted = float(custom["target"]["averageValue"])
    # One of three zones may go, and its streams come to the others.
    assert wanted * 1.5 <= default(SyncConfig, "max_open_streams")


def test_a_scratch_holds_the_sketches_of_a_shard(renders: dict[str, Render]) -> None:
    """docs/operations.md: 60 bytes a sketch and 10 a title that a device has, twice."""
    render = renders["production"]
    devices = setting(render, "constellation", "OMEGA_CONSTELLATION_MAX_DEVICES", 0)
    volumes = work(render, "federation-worker").spec["volumes"]
    (scratch,) = (v["emptyDir"]["sizeLimit"] for v in volumes if v["name"] == "scratch")
    assert devices * 48 * (60 + 10) * 2 <= float(quantity(scratch))


def exported() -> set[str]:
    """Names under which Prometheus has the project's metrics, as docs/metrics.md says."""
    return {metric.prometheus for metric in metrics(ROOT)}


def asked(render: Render) -> set[str]:
    """Names of metrics that autoscalers and their adapter ask for; alerts: tests/dashboards."""
    found: set[str] = set()
    for each in render.of("HorizontalPodAutoscaler"):
        for metric in each["spec"]["metrics"]:
            found |= {at(metric, "pods", "metric", "name")} - {None}
    for each in render.of("ConfigMap"):
        for rule in yaml.safe_load(at(each, "data", "config.yaml", default="{}")).get("rules", []):
            found |= set(_METRIC.findall(rule["seriesQuery"] + rule["metricsQuery"]))
    return found


@pytest.mark.parametrize("name", ["staging", "production", "fleet"])
def test_metrics_that_are_asked_for_exist(name: str, renders: dict[str, Render]) -> None:
    assert asked(renders[name])
    assert asked(renders[name]) <= exported()


def test_alerts_are_those_of_prometheus(renders: dict[str, Render]) -> None:
    """`make manifests-write` makes the PrometheusRule of deploy/prometheus/rules.yaml."""
    path = ROOT / "deploy" / "prometheus" / "rules.yaml"
    there = yaml.safe_load(path.read_text("utf-8"))["groups"]
    for name in ("staging", "production", "fleet"):
        rules = [each["spec"]["groups"] for each in renders[name].of("PrometheusRule")]
        assert rules == [there]


def test_a_shard_more_does_not_alert_a_second_time(renders: dict[str, Render]) -> None:
    assert renders["shard-eu-7"].of("PodMonitor")
    assert not renders["shard-eu-7"].of("PrometheusRule")
