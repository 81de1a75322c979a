"""The metrics of docs/metrics.md, under the names and with the labels that Prometheus sees."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.queries import ROOT
from omega_testing.documents import Row, table_rows

SCRAPED = frozenset({"job", "instance", "namespace", "region", "shard"})
"""Labels that deploy/prometheus/prometheus.yaml gives to every series."""


def metrics() -> dict[str, frozenset[str]]:
    """Labels of each metric by its name, those of a scrape included; `up` is Prometheus's own."""
    rows = table_rows((ROOT / "docs" / "metrics.md").read_text("utf-8"))
    found = {"up": SCRAPED}
    for row in rows:
        if "metric" in row.cells:
            found |= dict(_named(row))
    return found


def _named(row: Row) -> Iterator[tuple[str, frozenset[str]]]:
    labels = SCRAPED | {name.replace(".", "_") for name in row.code("attributes")}
    (name,) = row.code("Prometheus")
    if row.cells["kind"] == "histogram":
        yield f"{name}_bucket", labels | {"le"}
        yield f"{name}_sum", labels
        yield f"{name}_count", labels
    else:
        yield name, labels
