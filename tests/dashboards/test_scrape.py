"""The scrape config finds the pods of every namespace that tell metrics, and no others."""

from __future__ import annotations

import pytest
import yaml
from dashboards import queries
from k8s_rules.combinations import RENDERED
from k8s_rules.objects import Render, instance_labels

(SCRAPE,) = yaml.safe_load(queries.RULES.with_name("prometheus.yaml").read_text("utf-8"))[
    "scrape_configs"
]
(DISCOVERY,) = SCRAPE["kubernetes_sd_configs"]


def selected(labels: dict[str, str]) -> bool:
    """Whether Kubernetes lists a pod with these labels to Prometheus."""
    (selector,) = DISCOVERY["selectors"]
    for term in selector["label"].split(","):
        key, differs, value = term.replace("!=", "=!").partition("=")
        assert differs
        if value.startswith("!"):
            if labels.get(key) == value.removeprefix("!"):
                return False
        elif labels.get(key) != value:
            return False
    return True


def test_no_namespace_is_left_out() -> None:
    assert "namespaces" not in DISCOVERY


@pytest.mark.parametrize("name", ["staging", "production", "fleet", "shard-eu-7"])
def test_pods_that_tell_metrics_are_found_and_databases_are_not(name: str) -> None:
    render = Render.read(RENDERED / f"{name}.yaml")
    telling = [
        work
        for work in render.workloads("Deployment")
        if any(port["name"] == "metrics" for port in work.ports())
    ]
    assert telling
    assert all(selected(dict(work.labels)) for work in telling)
    for cluster in render.of("Cluster"):
        assert not selected(instance_labels(cluster))
    assert not selected({"app.kubernetes.io/name": "sync"}), "a pod of somebody else"
