"""A dashboard in Grafana's JSON (schema 39, Grafana 10 and later)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards.source import Dashboard, Limit, Panel, Price, Query

Json = dict[str, Any]
_SOURCE: Json = {"type": "prometheus", "uid": "${source}"}
_UNITS = {
    "bytes": "bytes",
    "bytes a second": "binBps",
    "cores": "none",
    "count": "short",
    "cost": "none",
    "factor": "none",
    "per second": "cps",
    "seconds": "s",
    "share": "percentunit",
}
_COLUMNS, _HEIGHTS = 24, {"timeseries": 8, "stat": 4}
_EVERYWHERE = "up"
"""The one metric that every target has: where a choice's values are looked up."""
_LOOKS = 39
"""Version of the schema."""


def render(dashboard: Dashboard) -> str:
    """The text of its file."""
    made = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["omega-tv"],
        "schemaVersion": _LOOKS,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": f"now-{dashboard.period}", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_alerts()]},
        "links": [_link()],
        "templating": {"list": list(_variables(dashboard))},
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _alerts() -> Json:
    """Marks on every curve where an alert fired."""
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Omega.+", alertstate="firing", namespace=~"$namespace|"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}} {{region}} {{shard}}",
    }


def _link() -> Json:
    """To the other dashboards, with the same time and choices."""
    return {
        "type": "dashboards",
        "title": "Omega TV",
        "tags": ["omega-tv"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _variables(dashboard: Dashboard) -> Iterator[Json]:
    yield {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
    }
    narrower: list[str] = []
    for choice in dashboard.choices:
        yield _choice(choice, narrower)
        narrower.append(choice)
    yield from (_price(price) for price in dashboard.prices)


def _choice(label: str, above: list[str]) -> Json:
    """The values of a label among the targets that the choices above leave; all at first.

    All is a pattern that also fits series without the label, so a Prometheus that sets none of
    them shows everything.
    """
    within = ", ".join(f'{each}=~"${each}"' for each in above)
    series = f"{_EVERYWHERE}{{{within}}}" if within else _EVERYWHERE
    return {
        "name": label,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {
            "query": f"label_values({series}, {label})",
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "hide": 0,
    }


def _price(price: Price) -> Json:
    """A number that is seen and can be changed where it is seen."""
    return {
        "name": price.name,
        "label": price.label,
        "type": "textbox",
        "query": price.value,
        "current": {"text": price.value, "value": price.value},
        "hide": 0,
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    """Rows and panels, laid out on Grafana's grid."""
    number, top = 0, 0
    for row in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
        }
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            number += 1
            height = _HEIGHTS[panel.kind]
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": f"{panel.shows.strip()}\n\n**When it looks wrong:** {panel.wrong.strip()}",
        "datasource": _SOURCE,
        "targets": [
            _target(query, letter) for query, letter in zip(panel.queries, "ABCDEFGH", strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(query: Query, letter: str) -> Json:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "range": True,
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": panel.below, "value": None}]
    steps += [_step(limit) for limit in panel.limits]
    shared: Json = {
        "unit": _UNITS[panel.unit],
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "stat":
        return {**shared, "color": {"mode": "thresholds"}}
    return {
        **shared,
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 25 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.limits else "off"},
        },
    }


def _step(limit: Limit) -> Json:
    return {"color": limit.colour, "value": limit.value}


def _options(panel: Panel) -> Json:
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "textMode": "auto",
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
