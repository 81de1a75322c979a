"""Makes of a render for Kubernetes what `podman play kube` can run on one machine, and says how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from image_names import ImageName

Document = dict[str, Any]
KINDS = ("ConfigMap", "Deployment", "Job")
"""What podman takes, a Job as a Pod. Everything else is the cluster's."""

STAND_INS = (
    "one replica of each Deployment, on ports of this machine",
    "embedded Postgres behind TLS by the name of the cluster's, in place of CloudNativePG",
    "secrets as folders and values made here, in place of cert-manager and the secret store",
    "operators signed in by a key made here, in place of a provider of identities",
    "names of services as lines of each pod's hosts file, in place of Services and DNS",
    "probes asked by this test, in place of a kubelet",
)
"""What stands for a cluster here."""


@dataclass(frozen=True)
class Probe:
    """What a kubelet would ask a container."""

    name: str
    """startupProbe, livenessProbe or readinessProbe."""
    port: int
    """Port in the container."""
    service: str = ""
    """Of grpc.health.v1, for a probe by gRPC."""
    path: str = ""
    """For a probe by HTTP; empty = by gRPC."""
    secure: bool = False
    """Whether HTTP is over TLS."""


@dataclass
class Pod:
    """One workload of a render."""

    name: str
    """Of the Deployment or Job."""
    document: Document
    """What podman is given."""
    ports: dict[tuple[int, str], int] = field(default_factory=dict)
    """Port inside and protocol -> port of this machine."""
    probes: list[Probe] = field(default_factory=list)
    """What a kubelet would ask it."""
    secrets: set[str] = field(default_factory=set)
    """Secrets that it mounts."""


@dataclass(frozen=True)
class Here:
    """What this machine gives a render."""

    images: Mapping[str, str]
    """Image without tag or digest -> the one that was built here."""
    free_port: Callable[[], int]
    """A port of this machine that nobody has."""
    fixed: Mapping[str, int]
    """Deployments that others call by name -> port of this machine for their gRPC."""
    names: tuple[str, ...]
    """Names of services that this machine stands for."""
    gateway: str
    """Address of this machine in the pods' network."""
    secrets: Path
    """Folder with a folder a secret that pods mount."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that a render leaves to its installation, by value."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Secrets that variables come from: name -> key -> value."""


def read(path: Path) -> list[Document]:
    """The objects of a render.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    return [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each]


def convert(documents: Iterable[Document], here: Here) -> tuple[list[Document], list[Pod]]:
    """Settings and workloads as podman takes them: Jobs first, then Deployments by name.

    Raises:
        KeyError: a variable comes from a secret that is not in `here.values`.
    """
    taken = [deepcopy(each) for each in documents]
    maps = [each for each in taken if each["kind"] == "ConfigMap"]
    jobs = [_job(each, here) for each in taken if each["kind"] == "Job"]
    pods = [_deployment(each, here) for each in taken if each["kind"] == "Deployment"]
    ours = [pod for pod in pods if _has_image(pod, here)]
    return maps, [*jobs, *sorted(ours, key=lambda pod: pod.name)]


def left_out(documents: Iterable[Document], pods: Iterable[Pod]) -> dict[str, int]:
    """Objects of a render that are not tried here, by kind; Deployments of others by their name."""
    run = {pod.name for pod in pods}
    left: Counter[str] = Counter()
    for each in documents:
        kind, name = each["kind"], each["metadata"]["name"]
        if kind == "Deployment" and name not in run:
            left[name] += 1
        elif kind not in KINDS:
            left[kind] += 1
    return dict(sorted(left.items()))


def _has_image(pod: Pod, here: Here) -> bool:
    (container,) = pod.document["spec"]["template"]["spec"]["containers"]
    return container["image"] in here.images.values()


def _job(job: Document, here: Here) -> Pod:
    spec = job["spec"]["template"]["spec"]
    spec["restartPolicy"] = "Never"
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": job["metadata"]["name"], "labels": job["metadata"].get("labels", {})},
        "spec": spec,
    }
    pod = Pod(job["metadata"]["name"], document)
    _adapt(pod, spec, here)
    return pod


def _deployment(deployment: Document, here: Here) -> Pod:
    deployment["spec"]["replicas"] = 1
    deployment["metadata"].pop("namespace", None)
    pod = Pod(deployment["metadata"]["name"], deployment)
    _adapt(pod, deployment["spec"]["template"]["spec"], here)
    return pod


def _adapt(pod: Pod, spec: Document, here: Here) -> None:
    spec["hostAliases"] = [{"ip": here.gateway, "hostnames": list(here.names)}]
    for container in spec["containers"]:
        name = ImageName.read(container["image"]).name
        container["image"] = here.images.get(name, container["image"])
        container["imagePullPolicy"] = "Never"
        for variable in container.get("env", ()):
            # podman's releases disagree on the form in which they keep secrets.
            if asked := variable.get("valueFrom", {}).get("secretKeyRef"):
                del variable["valueFrom"]
                variable["value"] = here.values[asked["name"]][asked["key"]]
            if variable["name"] in here.settings:
                variable["value"] = here.settings[variable["name"]]
        for port in container.get("ports", ()):
            inside = port["containerPort"]
            wanted = here.fixed.get(pod.name) if port.get("name") == "grpc" else None
            port["hostPort"] = wanted or here.free_port()
            pod.ports[inside, port.get("protocol", "TCP")] = port["hostPort"]
        named = {port.get("name"): port["containerPort"] for port in container.get("ports", ())}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            # podman knows no probe by gRPC, and its timers need systemd: the test asks instead.
            if asked := container.pop(kind, None):
                pod.probes.append(_probe(kind, asked, named))
    for volume in spec.get("volumes", ()):
        # podman 4.3 mounts no secret: the same files lie in a folder of this machine.
        if secret := volume.pop("secret", None):
            pod.secrets.add(secret["secretName"])
            path = here.secrets / secret["secretName"]
            volume["hostPath"] = {"path": str(path), "type": "Directory"}


def _probe(kind: str, asked: Document, named: Mapping[str, int]) -> Probe:
    if grpc := asked.get("grpc"):
        return Probe(kind, int(grpc["port"]), service=grpc.get("service", ""))
    http = asked["httpGet"]
    port = named.get(http["port"], http["port"])
    return Probe(kind, int(port), path=http["path"], secure=http.get("scheme") == "HTTPS")
