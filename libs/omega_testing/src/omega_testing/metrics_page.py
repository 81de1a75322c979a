"""What docs/metrics.md says of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_testing.documents import Row, table_rows


@dataclass(frozen=True)
class Metric:
    """One metric of the page."""

    name: str
    """Its name by OTLP."""
    prometheus: str
    """Its name where Prometheus scrapes it; of a histogram, before _bucket, _sum and _count."""
    kind: str
    """Its instrument, such as "observable gauge"."""
    unit: str
    """As UCUM has it: s, By, 1, {push}."""
    attributes: tuple[str, ...]
    """Names of its attributes, by OTLP."""


def metrics(root: Path) -> list[Metric]:
    """Every metric of the page, top to bottom.

    Args:
        root: of the repository.

    Raises:
        ValueError: a row has more or fewer than one name, or the page has none.
    """
    rows = table_rows((root / "docs" / "metrics.md").read_text("utf-8"))
    found = [_metric(row) for row in rows if "metric" in row.cells]
    if not found:
        raise ValueError("docs/metrics.md has no table of metrics")
    return found


def _metric(row: Row) -> Metric:
    (name,), (prometheus,) = row.code("metric"), row.code("Prometheus")
    kind, unit = row.cells["kind"], row.cells["unit"]
    return Metric(name, prometheus, kind, unit, tuple(row.code("attributes")))
