"""Every query is PromQL over metrics that docs/metrics.md names, with labels that they have."""

from __future__ import annotations

import pytest
from dashboards import promql, queries
from dashboards.known import SCRAPED, metrics
from dashboards.queries import Asked

ASKED = [*queries.of_dashboards("1m"), *queries.of_rules()]
KNOWN = metrics()
PROMETHEUS = {"ALERTS": SCRAPED | {"alertname", "alertstate", "severity"}}
"""What Prometheus itself tells of alerts."""
RECORDED = {rule["record"]: rule["expr"] for rule in queries.rules() if "record" in rule}
each_query = pytest.mark.parametrize(
    "asked", ASKED, ids=[f"{number} {asked.where}" for number, asked in enumerate(ASKED)]
)


def _labels(metric: str) -> frozenset[str]:
    """Labels that a metric may have; of a recorded one, those of what it is made of."""
    if metric in RECORDED:
        parts = (_labels(use.metric) for use in promql.uses(RECORDED[metric]))
        return frozenset[str]().union(*parts)
    return (KNOWN | PROMETHEUS)[metric]


@each_query
def test_a_query_reads_metrics_and_labels_that_exist(asked: Asked) -> None:
    for use in promql.uses(asked.expr):
        known = use.metric in KNOWN or use.metric in RECORDED or use.metric in PROMETHEUS
        assert known, use.metric
        assert use.labels <= _labels(use.metric), f"{use.metric}: {use.labels}"


def test_choices_are_looked_up_by_labels_of_a_scrape() -> None:
    look_ups = [*queries.look_ups()]
    assert {each.label for each in look_ups} == {"namespace", "region", "shard"}
    for look_up in look_ups:
        (use,) = promql.uses(look_up.series)
        assert use.labels <= _labels(use.metric)


def test_every_metric_of_a_service_is_shown_somewhere() -> None:
    shown = {use.metric for asked in ASKED for use in promql.uses(asked.expr)}
    families = {name.removesuffix("_bucket") for name in KNOWN if name.endswith("_bucket")}
    for name in KNOWN:
        family = next((f for f in families if name.startswith(f"{f}_")), None)
        wanted = {f"{family}_bucket", f"{family}_count", f"{family}_sum"} if family else {name}
        assert wanted & shown, f"no dashboard and no rule reads {name}"


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ('sum by (job) (rate(a_total{b="c"}[5m]))', [("a_total", {"b", "job"})]),
        ("x / on (n) group_left () y offset 1d", [("x", set()), ("y", set())]),
        ('quantile(0.5, m{l=~"v"}) > bool 0', [("m", {"l"})]),
        ("max_over_time(rate(r[1m])[1h:5m])", [("r", set())]),
        ('-({__name__="z"})', [("z", set())]),
    ],
)
def test_what_an_expression_reads_is_found(expr: str, found: list[tuple[str, set[str]]]) -> None:
    assert [(use.metric, set(use.labels)) for use in promql.uses(expr)] == found


@pytest.mark.parametrize("expr", ["sum(", "rate(x)", "x{a=b}", "nonsense(x[5m])"])
def test_what_is_no_promql_is_refused(expr: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        promql.uses(expr)


def test_a_variable_without_a_value_is_an_error() -> None:
    assert queries.fill("$a ${b}", {"a": "1", "b": "2"}) == "1 2"
    with pytest.raises(KeyError):
        queries.fill("$nobody", {})
