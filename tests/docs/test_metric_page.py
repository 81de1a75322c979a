"""docs/metrics.md names every metric that the code records, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry as Registry
from prometheus_client import generate_latest

from omega_testing.metrics_page import metrics
from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
METRICS = metrics(ROOT)
GAUGES = ROOT / "libs" / "omega_rpc" / "src" / "omega_rpc" / "gauges.py"
_MAKERS = {
    f"create_{kind}": kind.replace("_", " ")
    for kind in (
        "counter",
        "gauge",
        "histogram",
        "observable_counter",
        "observable_gauge",
        "observable_up_down_counter",
        "up_down_counter",
    )
}
"""Methods of an OpenTelemetry meter."""
_MAKERS["gauge"] = "observable gauge"
"""A method of omega_rpc.gauges, which makes one by a meter, under the name that it is given."""
_NAME = re.compile(
    r"(?:rpc|db|process|cpu|error|omega\.(?:brain|sync|gateway|constellation|federation))"
    r"(?!\.v\d)\.[a-z_.]*[a-z]|omega\.(?:statement|outcome|reason|state|kind)"
)
"""Metrics and attributes; no name of a contract's package."""


def _instruments() -> Iterator[tuple[str, str, str]]:
    """(name, kind, unit) of each instrument that a source makes."""
    for each in distributions(ROOT):
        for path, tree in each.modules.items():
            if path == GAUGES:
                continue
            for node in ast.walk(tree):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if kind := _MAKERS.get(node.func.attr):
                    (unit,) = (k.value for k in node.keywords if k.arg == "unit")
                    yield ast.literal_eval(node.args[0]), kind, ast.literal_eval(unit)


def _exported(kind: str, name: str, unit: str) -> str:
    """Name of a metric for whom Prometheus scrapes it."""
    reader = PrometheusMetricReader(disable_target_info=True, registry=(registry := Registry()))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    make = getattr(provider.get_meter("tests"), f"create_{kind.replace(' ', '_')}")
    if kind.startswith("observable"):
        make(name, [lambda _options: [Observation(1)]], unit=unit)
    else:
        made = make(name, unit=unit)
        for record in ("add", "record", "set"):
            getattr(made, record, lambda _number: None)(1)
    (family,) = {
        line.split()[2]
        for line in generate_latest(registry).decode().splitlines()
        if "# TYPE" in line
    }
    provider.shutdown()
    return str(family)


def test_the_names_for_prometheus_are_those_of_its_exporter() -> None:
    for metric in METRICS:
        assert metric.prometheus == _exported(metric.kind, metric.name, metric.unit)


def test_every_metric_stands_there_and_no_other() -> None:
    said = {(metric.name, metric.kind, metric.unit) for metric in METRICS}
    assert said == set(_instruments())


def test_attributes_are_those_that_the_code_records() -> None:
    texts = {text for each in distributions(ROOT) for text in each.strings()}
    said = {name for metric in METRICS for name in metric.attributes}
    assert said <= texts
    recorded = {text for text in texts if _NAME.fullmatch(text)}
    assert recorded == said | {metric.name for metric in METRICS}
