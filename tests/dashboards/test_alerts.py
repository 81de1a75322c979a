"""Alerts have runbooks and tests, and rest on settings and errors as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dashboards import promql, queries

from omega_core.errors import CATALOGUE
from omega_testing.documents import table_rows

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS = [rule for rule in queries.rules() if "alert" in rule]
TESTS = [
    test
    for path in Path(__file__).parent.glob("alerts*.yaml")
    for test in yaml.safe_load(path.read_text("utf-8"))["tests"]
]
each_alert = pytest.mark.parametrize(
    "number", range(len(ALERTS)), ids=[rule["alert"] for rule in ALERTS]
)
_OURS = {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "DATA_LOSS"}
"""Statuses that a client cannot have caused."""


def _page(alert: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", alert).lower() + ".md"


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert {_page(rule["alert"]) for rule in ALERTS} == pages


@each_alert
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(number: int) -> None:
    rule = ALERTS[number]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{_page(rule['alert'])}"


@each_alert
def test_a_summary_names_labels_that_the_alert_has(number: int) -> None:
    rule = ALERTS[number]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    expressions = [rule["expr"]]
    recorded = {r["record"]: r["expr"] for r in queries.rules() if "record" in r}
    expressions += [recorded[u.metric] for u in promql.uses(rule["expr"]) if u.metric in recorded]
    grouped = {label for expr in expressions for use in promql.uses(expr) for label in use.labels}
    assert named <= grouped | ({"instance"} if " by " not in rule["expr"] else set())


def test_every_alert_fires_in_one_test_and_is_silent_in_another() -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"]]
    fires = {
        (case["alertname"], alert["exp_labels"]["severity"])
        for case in cases
        for alert in case["exp_alerts"]
    }
    assert fires == {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert silent == {rule["alert"] for rule in ALERTS}


def test_what_the_fleet_causes_burns_the_budget() -> None:
    (rule,) = (r for r in queries.rules() if r.get("record") == "omega:exchanges_failed:total")
    (found,) = re.findall(r'!~"([^"]+)"', rule["expr"])
    tolerated = set(found.split("|"))
    assert tolerated - {"ok", "CANCELLED"} <= {str(code) for code in CATALOGUE}
    caused = {str(code) for code, spec in CATALOGUE.items() if spec.status in _OURS}
    assert not tolerated & (caused | {"OVERLOADED", "STORAGE_FULL", "SHARD_FULL"})


@pytest.mark.parametrize(
    ("alert", "setting", "threshold"),
    [
        ("OmegaCommitBacklog", "OMEGA_CONSTELLATION_MOST_WAITING_PUSHES", lambda most: most / 2),
        ("OmegaNoSuccessfulRound", "OMEGA_FEDERATION_PERIOD_SECONDS", lambda period: 4 * period),
        ("OmegaNoSuccessfulRound", "OMEGA_FEDERATION_REFRESH_HOURS", lambda hours: 5400 * hours),
    ],
)
def test_thresholds_follow_the_defaults_of_settings(
    alert: str, setting: str, threshold: Callable[[float], float]
) -> None:
    rows = table_rows((ROOT / "docs" / "configuration.md").read_text("utf-8"))
    (default,) = (
        float(row.code("default")[0])
        for row in rows
        if row.cells.get("default") and setting in row.code("variable")
    )
    exprs = [rule["expr"] for rule in ALERTS if rule["alert"] == alert]
    assert any(f"> {threshold(default):g}" in expr.replace(".0", "") for expr in exprs)
