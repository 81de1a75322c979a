"""docs/metrics.md names every metric that the code records, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from omega_testing.documents import Row
from omega_testing.sources import distributions

ROOT = Path(__file__).resolve().parents[2]
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
_NAME = re.compile(r"(rpc|omega\.(?:brain|sync)(?!\.v\d)|process|error)\.[a-z_.]*[a-z]")
"""Metrics and attributes; no name of a contract's package."""


def _instruments() -> Iterator[tuple[str, str, str]]:
    """(name, kind, unit) of each instrument that a source makes."""
    for each in distributions(ROOT):
        for tree in each.modules.values():
            for node in ast.walk(tree):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if kind := _MAKERS.get(node.func.attr):
                    (unit,) = (k.value for k in node.keywords if k.arg == "unit")
                    yield ast.literal_eval(node.args[0]), kind, ast.literal_eval(unit)


def test_every_metric_stands_there_and_no_other(table: Callable[..., list[Row]]) -> None:
    said = {
        (name, row.cells["kind"], row.cells["unit"])
        for row in table("metrics.md", "metric")
        for name in row.code("metric")
    }
    assert said == set(_instruments())


def test_attributes_are_those_that_the_code_records(table: Callable[..., list[Row]]) -> None:
    texts = {text for each in distributions(ROOT) for text in each.strings()}
    for row in table("metrics.md", "metric"):
        assert set(row.code("attributes")) <= texts
    recorded = {text for text in texts if _NAME.fullmatch(text)}
    said = {n for row in table("metrics.md", "metric") for n in row.code("attributes")}
    named = {n for row in table("metrics.md", "metric") for n in row.code("metric")}
    assert recorded == said | named
