"""The metrics of docs/metrics.md, under the names and with the labels that Prometheus sees."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.queries import ROOT
from omega_testing import metrics_page
from omega_testing.metrics_page import Metric

SCRAPED = frozenset({"job", "instance", "namespace", "region", "shard"})
"""Labels that deploy/prometheus/prometheus.yaml gives to every series."""


def metrics() -> dict[str, frozenset[str]]:
    """Labels of each metric by its name, those of a scrape included; `up` is Prometheus's own."""
    found = {"up": SCRAPED}
    for metric in metrics_page.metrics(ROOT):
        found |= dict(_named(metric))
    return found


def _named(metric: Metric) -> Iterator[tuple[str, frozenset[str]]]:
    labels = SCRAPED | {name.replace(".", "_") for name in metric.attributes}
    name = metric.prometheus
    if metric.kind == "histogram":
        yield f"{name}_bucket", labels | {"le"}
        yield f"{name}_sum", labels
        yield f"{name}_count", labels
    else:
        yield name, labels
