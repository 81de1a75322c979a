"""What every pod keeps: the restricted profile, no token, bounds, and distance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from k8s_rules.objects import Object, Render, Workload, at, title

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|[kKMGT]i?)?\Z")
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{f"{letter}i": Decimal(1024) ** n for n, letter in enumerate("KMGT", 1)},
    **{letter: Decimal(1000) ** n for n, letter in enumerate("kMGT", 1)},
}
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
        yield from _of_pod(work)
        for container in work.containers:
            yield from _of_container(work, container)


def _of_pod(work: Workload) -> Iterator[str]:
    pod = work.spec.get("securityContext", {})
    if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
        yield f"{work}: it may run as root"
    if at(pod, "seccompProfile", "type") != "RuntimeDefault":
        yield f"{work}: seccompProfile is not RuntimeDefault"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if work.spec.get(key):
            yield f"{work}: {key}"
    for volume in work.spec.get("volumes", []):
        for kind in set(volume) - {"name"} - _VOLUMES:
            yield f"{work}: volume {volume['name']} is a {kind}"


def _of_container(work: Workload, container: Object) -> Iterator[str]:
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
            try:
                yield from _amounts(work, container.get("resources", {}))
            except ValueError as error:
                yield f"{work}: {error}"
        for volume in work.spec.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{work}: volume {volume['name']} has no bound"
        yield from _scratch(work)
    for each in render.of("Cluster"):
        asked = at(each, "spec", "resources", "requests", "memory")
        if asked is None or asked != at(each, "spec", "resources", "limits", "memory"):
            yield f"{title(each)}: request and limit of memory differ"


def _amounts(work: Workload, resources: Object) -> Iterator[str]:
    asked, limits = resources.get("requests", {}), resources.get("limits", {})
    for name, value in asked.items():
        if quantity(value) > quantity(limits.get(name, value)):
            yield f"{work}: it requests more {name} than its limit"
    for name in ("memory", "ephemeral-storage"):
        if asked.get(name) != limits.get(name):
            yield f"{work}: request and limit of {name} differ"
    if not {"cpu", "memory"} <= asked.keys():
        yield f"{work}: cpu and memory are not requested"


def _scratch(work: Workload) -> Iterator[str]:
    """Disks of a pod are within what the pod may take of its node."""
    sizes = [
        quantity(each["emptyDir"]["sizeLimit"])
        for each in work.spec.get("volumes", [])
        if "sizeLimit" in each.get("emptyDir", {}) and each["emptyDir"].get("medium") != "Memory"
    ]
    limit = at(work.main, "resources", "limits", "ephemeral-storage")
    if limit is not None and sum(sizes) >= quantity(limit):
        yield f"{work}: its volumes hold more than its ephemeral-storage"


def spread(render: Render) -> Iterator[str]:
    """Pods of a Deployment keep to different zones where they can."""
    for work in render.workloads("Deployment"):
        keys = [each["topologyKey"] for each in work.spec.get("topologySpreadConstraints", [])]
        if "topology.kubernetes.io/zone" not in keys:
            yield f"{work}: it is not spread over zones"
