"""The metrics of docs/metrics.md, under the names and with the labels that Prometheus sees."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.queries import ROOT
from omega_testing.documents import Row, table_rows

SCRAPED = frozenset({"job", "instance", "namespace", "region", "shard"})
"""Labels that deploy/prometheus/prometheus.yaml gives to every series."""
_UNITS = {"s": "_seconds", "By": "_bytes"}
"""What the exporter puts behind a name; nothing for {things} and for 1."""


def metrics() -> dict[str, frozenset[str]]:
    """Labels of each metric by its name, those of a scrape included; `up` is Prometheus's own."""
    rows = table_rows((ROOT / "docs" / "metrics.md").read_text("utf-8"))
    found = {"up": SCRAPED}
    for row in rows:
        if "metric" in row.cells:
            found |= dict(_named(row))
    return found


def _named(row: Row) -> Iterator[tuple[str, frozenset[str]]]:
    labels = SCRAPED | {_label(name) for name in row.code("attributes")}
    for name in row.code("metric"):
        unit = _UNITS.get(row.cells["unit"], "")
        whole = _label(name).removesuffix(unit) + unit
        match row.cells["kind"]:
            case "counter" | "observable counter":
                yield f"{whole}_total", labels
            case "histogram":
                yield f"{whole}_bucket", labels | {"le"}
                yield f"{whole}_sum", labels
                yield f"{whole}_count", labels
            case _:
                yield whole, labels


def _label(name: str) -> str:
    return name.replace(".", "_")
