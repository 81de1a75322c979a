"""What every pod keeps: the restricted profile, no token, bounds, and distance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from k8s_rules.objects import Render, at, title

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|[kKMGT]i?)?\Z")
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{f"{letter}i": Decimal(1024) ** n for n, letter in enumerate("KMGT", 1)},
    **{letter: Decimal(1000) ** n for n, letter in enumerate("kMGT", 1)},
}
_ROOT_FREE = {"runAsNonRoot": True}
_VOLUMES = {"configMap", "emptyDir", "secret", "projected", "downwardAPI", "persistentVolumeClaim"}
_ENFORCE = "pod-security.kubernetes.io/enforce"


def quantity(text: object) -> Decimal:
    """Value of a quantity: processors, or bytes.

    Raises:
        ValueError: it is none.
    """
    found = _QUANTITY.match(str(text))
    if not found:
        raise ValueError(f"{text!r} is no quantity")
    return Decimal(found[1]) * _UNITS[found[2] or ""]


def restricted(render: Render) -> Iterator[str]:
    """Pods keep to the restricted profile, and their namespace holds them to it."""
    for each in render.of("Namespace"):
        if at(each, "metadata", "labels", _ENFORCE) != "restricted":
            yield f"{title(each)}: {_ENFORCE} is not restricted"
    spaces = {each["metadata"]["name"] for each in render.of("Namespace")}
    for work in render.workloads():
        if work.namespace not in spaces:
            yield f"{work}: there is no Namespace {work.namespace}"
        pod = work.spec.get("securityContext", {})
        for key, wanted in _ROOT_FREE.items():
            if pod.get(key) != wanted:
                yield f"{work}: {key} is not {wanted}"
        if not pod.get("runAsUser"):
            yield f"{work}: runAsUser is root, or not said"
        if at(pod, "seccompProfile", "type") != "RuntimeDefault":
            yield f"{work}: seccompProfile is not RuntimeDefault"
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if work.spec.get(key):
                yield f"{work}: {key}"
        for volume in work.spec.get("volumes", []):
            for kind in set(volume) - {"name"} - _VOLUMES:
                yield f"{work}: volume {volume['name']} is a {kind}"
        for container in work.containers:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{work}: allowPrivilegeEscalation"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{work}: readOnlyRootFilesystem is not true"
            if at(own, "capabilities", "drop") != ["ALL"] or at(own, "capabilities", "add"):
                yield f"{work}: capabilities are kept"
            if own.get("privileged") or own.get("runAsUser") == 0:
                yield f"{work}: {container['name']} is privileged"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{work}: hostPort"


def tokens(render: Render) -> Iterator[str]:
    """No pod holds a token of the API server, and none is given any right there."""
    for work in render.workloads():
        if work.spec.get("automountServiceAccountToken") is not False:
            yield f"{work}: automountServiceAccountToken is not false"
        if work.spec.get("serviceAccountName", "default") == "default":
            yield f"{work}: it has no account of its own"
        if work.spec.get("enableServiceLinks") is not False:
            yield f"{work}: enableServiceLinks: variables of other services reach it"
    for each in render.of("ServiceAccount"):
        if each.get("automountServiceAccountToken") is not False:
            yield f"{title(each)}: automountServiceAccountToken is not false"
    for each in render.of("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"):
        yield f"{title(each)}: nothing here needs a right"


def resources(render: Render) -> Iterator[str]:
    """Requests are stated and within limits; memory is asked for in full, and disks are bounded."""
    for work in render.workloads():
        for container in work.containers:
            asked = at(container, "resources", "requests", default={})
            limits = at(container, "resources", "limits", default={})
            try:
                for name, value in asked.items():
                    if name in limits and quantity(value) > quantity(limits[name]):
                        yield f"{work}: it requests more {name} than its limit"
                for name in ("memory", "ephemeral-storage"):
                    if asked.get(name) != limits.get(name):
                        yield f"{work}: request and limit of {name} differ"
            except ValueError as error:
                yield f"{work}: {error}"
            if not {"cpu", "memory"} <= asked.keys():
                yield f"{work}: cpu and memory are not requested"
        for volume in work.spec.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{work}: volume {volume['name']} has no bound"
        yield from _scratch(work.spec, str(work))
    for each in render.of("Cluster"):
        asked, limits = (
            at(each, "spec", "resources", k, default={}) for k in ("requests", "limits")
        )
        if not asked.get("memory") or asked.get("memory") != limits.get("memory"):
            yield f"{title(each)}: request and limit of memory differ"


def _scratch(spec: dict[str, object], name: str) -> Iterator[str]:
    """A disk of a pod is within what the pod may take of its node."""
    volumes = at(spec, "volumes", default=[])
    sizes = [
        quantity(v["emptyDir"]["sizeLimit"])
        for v in volumes
        if "sizeLimit" in v.get("emptyDir", {}) and v["emptyDir"].get("medium") != "Memory"
    ]
    limit = at(spec, "containers", 0, "resources", "limits", "ephemeral-storage")
    if limit is not None and sum(sizes) >= quantity(limit):
        yield f"{name}: its volumes hold more than its ephemeral-storage"


def spread(render: Render) -> Iterator[str]:
    """Pods of a Deployment keep to different zones where they can."""
    for work in render.workloads("Deployment"):
        keys = [each["topologyKey"] for each in work.spec.get("topologySpreadConstraints", [])]
        if "topology.kubernetes.io/zone" not in keys:
            yield f"{work}: it is not spread over zones"
