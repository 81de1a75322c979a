"""Every query of dashboards and rules, as Prometheus takes them: Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
WINDOW = "__rate_interval"
"""Grafana's name of the time that a rate is taken over."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LOOK_UP = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")


@dataclass(frozen=True)
class Asked:
    """One query."""

    where: str
    """Its dashboard and panel, or `rules` and the name of the rule."""
    expr: str
    """PromQL."""


@dataclass(frozen=True)
class LookUp:
    """What the values of a choice are looked up by."""

    where: str
    """Its dashboard."""
    series: str
    """A selector."""
    label: str
    """Whose values are asked for."""


def dashboards() -> dict[str, dict[str, Any]]:
    """The JSON of each dashboard by the name of its file, as Grafana reads it."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in DASHBOARDS.glob("*.json")}


def rules() -> list[dict[str, Any]]:
    """The rules of all groups, in order."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def of_dashboards(window: str) -> Iterator[Asked]:
    """Every query of every panel and annotation, with all choices at "All".

    Args:
        window: what rates are taken over, such as "1m"; Grafana takes four scrape intervals.
    """
    for name, board in sorted(dashboards().items()):
        values = _values(board) | {WINDOW: window}
        for mark in board["annotations"]["list"]:
            yield Asked(f"{name}: marks of {mark['name']}", fill(mark["expr"], values))
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield Asked(f"{name}: {panel['title']}", fill(target["expr"], values))


def of_rules() -> Iterator[Asked]:
    """The expression of every rule."""
    for rule in rules():
        yield Asked(f"rules: {rule.get('record') or rule['alert']}", rule["expr"])


def look_ups() -> Iterator[LookUp]:
    """What every choice of every dashboard asks for its values."""
    for name, board in sorted(dashboards().items()):
        values = _values(board)
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                found = _LOOK_UP.fullmatch(fill(variable["query"]["query"], values))
                if found is None:
                    raise ValueError(f"{name}: {variable['name']} is no label_values()")
                yield LookUp(name, found["series"], found["label"])


def fill(text: str, values: Mapping[str, str]) -> str:
    """Puts values in place of variables.

    Raises:
        KeyError: a variable has no value.
    """
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def _values(board: dict[str, Any]) -> dict[str, str]:
    """What Grafana puts in when nobody has chosen anything."""
    return {
        variable["name"]: variable["allValue"] if variable["type"] == "query" else variable["query"]
        for variable in board["templating"]["list"]
    }
