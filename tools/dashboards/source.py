"""What a dashboard is: rows of panels, each with queries, read from one YAML file.

Words stand for what queries have in common: `<fleet>` selects by namespace and region, `<shard>` by
the shard besides, `<services>` what runs in a cluster, not on TVs; `<window>` is the time that a
rate is taken over. A file may have words of its own under `words`, each may use those below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
_FLEET = 'namespace=~"$namespace", region=~"$region"'
_WORDS = {
    "<fleet>": _FLEET,
    "<shard>": f'{_FLEET}, shard=~"$shard"',
    "<services>": f'{_FLEET}, job=~"omega-(sync|constellation|federation-worker|console)"',
    "<window>": "$__rate_interval",
}
UNITS = {
    "bytes": "bytes, in powers of 1,024",
    "bytes a second": "the same, a second",
    "cores": "processor cores",
    "count": "a count",
    "cost": "money, in the currency of the prices",
    "factor": "a plain number",
    "per second": "a second",
    "seconds": "seconds",
    "share": "0 to 1, shown in per cent",
}
"""Units that a panel may have."""
KINDS = ("timeseries", "stat")
"""Panels: a curve for each series, or its newest value as a number."""


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    expr: str
    """PromQL with Grafana's variables."""
    legend: str
    """Name of a series, with {{label}}s."""


@dataclass(frozen=True)
class Limit:
    """A line across a panel."""

    value: float
    """In the panel's unit."""
    colour: str
    """From here on."""


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    """What it shows."""
    unit: str
    """A key of UNITS."""
    shows: str
    """What is seen in it, in a sentence or two."""
    wrong: str
    """What to do when it looks wrong."""
    queries: tuple[Query, ...]
    """At least one."""
    kind: str = "timeseries"
    """One of KINDS."""
    width: int = 8
    """Of the 24 columns."""
    stacked: bool = False
    """Whether the curves add up to something that has a meaning."""
    limits: tuple[Limit, ...] = ()
    """Rising."""
    below: str = "green"
    """Colour below the first limit."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    """Heading."""
    panels: tuple[Panel, ...]
    """From left to right, top to bottom."""


@dataclass(frozen=True)
class Price:
    """A number that whoever looks can put in."""

    name: str
    """Of the variable."""
    label: str
    """What it is, with its unit."""
    value: str
    """Before somebody changes it."""


@dataclass(frozen=True)
class Dashboard:
    """One dashboard."""

    uid: str
    """Its address in Grafana; never changes."""
    title: str
    """Its name."""
    about: str
    """What question it answers."""
    rows: tuple[Row, ...]
    """Top to bottom."""
    choices: tuple[str, ...] = ("namespace", "region", "shard")
    """Labels by which it is narrowed down."""
    prices: tuple[Price, ...] = ()
    """Shown above the panels."""
    period: str = "6h"
    """Shown first: until now from this long ago."""
    panels: tuple[Panel, ...] = field(init=False)
    """Of all rows."""

    def __post_init__(self) -> None:
        """Flattens the rows."""
        object.__setattr__(self, "panels", tuple(p for row in self.rows for p in row.panels))


def read(path: Path) -> Dashboard:
    """One dashboard.

    Raises:
        TypeError: a key is unknown or missing.
        ValueError: a value is none of those that are allowed.
    """
    data = yaml.safe_load(path.read_text("utf-8"))
    words = {f"<{word}>": meaning for word, meaning in data.pop("words", {}).items()} | _WORDS
    rows = tuple(
        Row(title, tuple(_panel(panel, words) for panel in panels))
        for title, panels in data.pop("rows").items()
    )
    prices = tuple(Price(name, **price) for name, price in data.pop("prices", {}).items())
    choices = tuple(data.pop("choices", Dashboard.choices))
    return Dashboard(rows=rows, prices=prices, choices=choices, **data)


def read_all() -> dict[str, Dashboard]:
    """Every dashboard by the name of its file."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def _panel(data: dict[str, Any], words: Mapping[str, str]) -> Panel:
    queries = [
        Query(_filled(q["expr"], words), q.get("legend", "")) for q in data.pop("queries", [])
    ]
    if quantiles := data.pop("quantiles", None):
        queries += _quantiles(**quantiles, words=words)
    limits = tuple(Limit(float(value), colour) for value, colour in data.pop("limits", {}).items())
    panel = Panel(queries=tuple(queries), limits=limits, **data)
    if panel.unit not in UNITS or panel.kind not in KINDS or not queries:
        raise ValueError(f"{panel.title}: unit, kind or queries")
    return panel


def _quantiles(of: str, where: str, words: Mapping[str, str], by: str = "") -> list[Query]:
    """Median and 99th percentile of a histogram, for each value of a label if one is told."""
    groups = f"le, {by}" if by else "le"
    rate = f"sum by ({groups}) (rate({of}_bucket{{{where}}}[<window>]))"
    suffix = f" {{{{{by}}}}}" if by else ""
    return [
        Query(_filled(f"histogram_quantile({share}, {rate})", words), f"{name}{suffix}")
        for name, share in (("p50", "0.5"), ("p99", "0.99"))
    ]


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return " ".join(text.split())
