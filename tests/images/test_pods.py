"""What a render becomes for podman, and what stays as it is."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from images.pods import Here, Pod, Probe, convert, left_out

DEPLOYMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "constellation", "namespace": "omega-tv"},
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "containers": [
                    {
                        "image": "registry.example.com:5000/omega-constellation:1@sha256:00",
                        "env": [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}],
                        "ports": [
                            {"name": "grpc", "containerPort": 50051},
                            {"name": "health", "containerPort": 50061, "protocol": "TCP"},
                        ],
                        "readinessProbe": {"grpc": {"port": 50061}},
                        "livenessProbe": {"grpc": {"port": 50061, "service": "live"}},
                        "securityContext": {"readOnlyRootFilesystem": True},
                    }
                ],
                "volumes": [
                    {"name": "tls", "secret": {"secretName": "constellation-tls"}},
                    {"name": "tmp", "emptyDir": {}},
                ],
            }
        },
    },
}
JOB: dict[str, Any] = {
    "kind": "Job",
    "metadata": {"name": "migrate"},
    "spec": {"template": {"spec": {"containers": [{"image": "localhost/omega-constellation"}]}}},
}


@pytest.fixture
def here() -> Here:
    ports = count(20_000)
    return Here(
        images={"omega-constellation": "localhost/omega-constellation:0.4.0"},
        free_port=lambda: next(ports),
        fixed={"constellation": 50051},
        names=("constellation", "postgres-rw"),
        gateway="10.88.0.1",
        secrets=Path("/secrets"),
        settings={"B": "here"},
        values={"postgres-app": {"uri": "postgresql://here"}},
    )


def _one(document: dict[str, Any], here: Here) -> tuple[Pod, dict[str, Any]]:
    _, (pod,) = convert([document], here)
    spec = pod.document["spec"]
    return pod, spec.get("template", {}).get("spec", spec)


def test_a_deployment_runs_once_from_the_image_that_is_here(here: Here) -> None:
    pod, spec = _one(DEPLOYMENT, here)
    (container,) = spec["containers"]
    assert pod.document["spec"]["replicas"] == 1
    assert container["image"] == "localhost/omega-constellation:0.4.0"
    assert container["securityContext"] == {"readOnlyRootFilesystem": True}
    assert container["env"] == [{"name": "A", "value": "a"}, {"name": "B", "value": "here"}]


def test_ports_are_published_and_the_one_that_others_call_stays(here: Here) -> None:
    pod, spec = _one(DEPLOYMENT, here)
    assert pod.ports == {(50051, "TCP"): 50051, (50061, "TCP"): 20_000}
    assert [port["hostPort"] for port in spec["containers"][0]["ports"]] == [50051, 20_000]
    assert spec["hostAliases"] == [
        {"ip": "10.88.0.1", "hostnames": ["constellation", "postgres-rw"]}
    ]


def test_probes_are_kept_for_the_test_to_ask(here: Here) -> None:
    pod, spec = _one(DEPLOYMENT, here)
    assert pod.probes == [
        Probe("livenessProbe", 50061, service="live"),
        Probe("readinessProbe", 50061),
    ]
    assert not {key for key in spec["containers"][0] if key.endswith("Probe")}


def test_a_probe_by_http_names_its_port(here: Here) -> None:
    document = deepcopy(DEPLOYMENT)
    (container,) = document["spec"]["template"]["spec"]["containers"]
    container["ports"][0]["name"] = "https"
    container["readinessProbe"] = {
        "httpGet": {"path": "/ready", "port": "https", "scheme": "HTTPS"}
    }
    pod, _ = _one(document, here)
    assert Probe("readinessProbe", 50051, path="/ready", secure=True) in pod.probes


def test_secrets_lie_in_folders_and_other_volumes_stay(here: Here) -> None:
    pod, spec = _one(DEPLOYMENT, here)
    assert pod.secrets == {"constellation-tls"}
    assert spec["volumes"] == [
        {"name": "tls", "hostPath": {"path": "/secrets/constellation-tls", "type": "Directory"}},
        {"name": "tmp", "emptyDir": {}},
    ]


def test_jobs_come_first_as_pods_that_end(here: Here) -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "settings"}}
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "deny"}}
    maps, (job, deployment) = convert([policy, DEPLOYMENT, config, JOB], here)
    assert maps == [config]
    assert (job.document["kind"], job.document["spec"]["restartPolicy"]) == ("Pod", "Never")
    assert deployment.name == "constellation"


def test_a_variable_from_a_secret_is_given_its_value(here: Here) -> None:
    document = deepcopy(DEPLOYMENT)
    (container,) = document["spec"]["template"]["spec"]["containers"]
    asked = {"secretKeyRef": {"name": "postgres-app", "key": "uri"}}
    container["env"] = [{"name": "URL", "valueFrom": asked}]
    _, spec = _one(document, here)
    assert spec["containers"][0]["env"] == [{"name": "URL", "value": "postgresql://here"}]
    asked["secretKeyRef"]["key"] = "url"
    with pytest.raises(KeyError, match="url"):
        convert([document], here)


def test_what_only_a_cluster_has_is_counted(here: Here) -> None:
    policies = [{"kind": "NetworkPolicy", "metadata": {"name": name}} for name in "ab"]
    config = {"kind": "ConfigMap", "metadata": {"name": "settings"}}
    other = deepcopy(DEPLOYMENT)
    other["metadata"]["name"] = "collector"
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "otel/collector:1"
    documents = [*policies, config, JOB, DEPLOYMENT, other]
    _, pods = convert(documents, here)
    assert left_out(documents, pods) == {"NetworkPolicy": 2, "collector": 1}


def test_deployments_of_others_are_left_out_and_the_render_is_not_changed(here: Here) -> None:
    other = deepcopy(DEPLOYMENT)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "otel/collector:1"
    before = deepcopy(DEPLOYMENT)
    _, pods = convert([other, DEPLOYMENT], here)
    assert [pod.name for pod in pods] == ["constellation"]
    assert before == DEPLOYMENT
