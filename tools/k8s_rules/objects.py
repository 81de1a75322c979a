"""A rendered set of manifests, and the pods in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
SERVERS = ("Deployment", "StatefulSet")
"""Kinds whose pods live long."""


def at(value: Any, *path: str | int, default: Any = None) -> Any:
    """What lies at a path of keys and positions, or the default."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return default
    return value


@dataclass(frozen=True)
class Workload:
    """Something that makes pods."""

    made_by: Object
    """The object."""
    template: Object
    """Its pods."""

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return str(self.made_by["kind"])

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.made_by["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where its pods live."""
        return str(at(self.made_by, "metadata", "namespace", default="default"))

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of its pods."""
        return dict(at(self.template, "metadata", "labels", default={}))

    @property
    def spec(self) -> Object:
        """Spec of its pods."""
        return dict(self.template["spec"])

    @property
    def containers(self) -> list[Object]:
        """Those of its pods, those of their start first."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def main(self) -> Object:
        """The first container."""
        return dict(self.spec["containers"][0])

    @property
    def replicas(self) -> int:
        """How many pods it makes, before any autoscaler."""
        return int(at(self.made_by, "spec", "replicas", default=1))

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def ports(self) -> Iterator[Object]:
        """Ports of its containers."""
        for container in self.containers:
            yield from container.get("ports", [])


@dataclass(frozen=True)
class Render:
    """Objects that are applied together."""

    name: str
    """Of the combination."""
    objects: tuple[Object, ...]
    """In their order."""

    @classmethod
    def read(cls, path: Path) -> Render:
        """A file that kustomize wrote."""
        found = yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        return cls(path.stem, tuple(each for each in found if each))

    def of(self, *kinds: str) -> list[Object]:
        """Objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object by its name."""
        for each in self.of(kind):
            given = at(each, "metadata", "namespace", default="")
            if each["metadata"]["name"] == name and namespace in {"", given}:
                return each
        return None

    def workloads(self, *kinds: str) -> list[Workload]:
        """Whatever makes pods; of all kinds, or some."""
        return [
            Workload(each, at(each, *_TEMPLATES[each["kind"]]))
            for each in self.of(*(kinds or _TEMPLATES))
        ]

    def environ(self, workload: Workload) -> dict[str, str | None]:
        """Variables of a workload's first container; None = known to the cluster alone."""
        found: dict[str, str | None] = {}
        for source in workload.main.get("envFrom", []):
            data = self.find("ConfigMap", source["configMapRef"]["name"], workload.namespace)
            found |= at(data, "data", default={})
        for each in workload.main.get("env", []):
            found[each["name"]] = each.get("value")
        return found


def instance_labels(cluster: Object) -> dict[str, str]:
    """Labels of the pods that CloudNativePG makes of a Cluster: its own, and what they inherit."""
    own = {"cnpg.io/cluster": cluster["metadata"]["name"], "cnpg.io/podRole": "instance"}
    return {**own, **at(cluster, "spec", "inheritedMetadata", "labels", default={})}


def title(each: Object) -> str:
    """Kind and name of an object."""
    return f"{each['kind']} {at(each, 'metadata', 'name', default='?')}"


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels; an empty one takes all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions", []):
        there = labels.get(each["key"])
        found = {
            "In": there in each.get("values", []),
            "NotIn": there not in each.get("values", []),
            "Exists": there is not None,
            "DoesNotExist": there is None,
        }[each["operator"]]
        if not found:
            return False
    return True
