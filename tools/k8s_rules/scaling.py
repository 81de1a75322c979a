"""How many pods there are, and what they may take together."""

from __future__ import annotations

from collections.abc import Iterator

from k8s_rules.objects import Render, Workload, at, matches, title

POOLS = {
    "constellation": ("OMEGA_CONSTELLATION_POOL_SIZE", 8),
    "federation-worker": ("OMEGA_FEDERATION_POOL_SIZE", 4),
    "refresh-lead": ("OMEGA_FEDERATION_POOL_SIZE", 4),
    "refresh-parts": ("OMEGA_FEDERATION_POOL_SIZE", 4),
}
"""Workload -> variable and default of its connections to a database."""
_BESIDE = 2
"""Connections beside the pool: the leader's, and that of a migration."""
_RESERVED = 20
"""Connections that Postgres keeps for its operator, copies and people."""


def budgets(render: Render) -> Iterator[str]:
    """Nodes can be emptied, and never of all pods of a Deployment at once."""
    held = render.of("PodDisruptionBudget")
    for work in render.workloads("Deployment"):
        mine = [each for each in held if matches(each["spec"]["selector"], work.labels)]
        if len(mine) != 1:
            yield f"{work}: {len(mine)} PodDisruptionBudgets"
        for each in mine:
            if str(each["spec"].get("maxUnavailable", "0")) in {"0", "0%", "100%"}:
                yield f"{title(each)}: no pod may go, or all may"
            if "minAvailable" in each["spec"]:
                yield f"{title(each)}: minAvailable keeps a lone pod on its node for ever"


def autoscalers(render: Render) -> Iterator[str]:
    """An autoscaler has a range, alone decides, and goes by what its pods request."""
    for each in render.of("HorizontalPodAutoscaler"):
        spec = each["spec"]
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        if not 1 <= least < most:
            yield f"{title(each)}: from {least} to {most}"
        work = _target(render, spec["scaleTargetRef"]["name"])
        if work is None:
            continue
        if "replicas" in work.made_by["spec"]:
            yield f"{title(each)}: {work} states replicas, which each apply would set back"
        for metric in spec["metrics"]:
            name = at(metric, "resource", "name")
            if name and name not in at(work.main, "resources", "requests", default={}):
                yield f"{title(each)}: {work} requests no {name}, so that a share of it is nothing"


def _target(render: Render, name: str) -> Workload | None:
    return next((w for w in render.workloads("Deployment") if w.name == name), None)


def connections(render: Render) -> Iterator[str]:
    """Postgres takes the connections of as many pods as there may be, while they are replaced."""
    (most,) = {
        int(at(each, "spec", "postgresql", "parameters", "max_connections", default=100))
        for each in render.of("Cluster")
    } or {0}
    if not most:
        return
    wanted = 0
    for work in render.workloads():
        if work.name not in POOLS:
            continue
        variable, default = POOLS[work.name]
        pool = int(render.environ(work).get(variable) or default)
        wanted += (pool + _BESIDE) * (_most_pods(render, work) + 1)
    if wanted + _RESERVED > most:
        yield f"Cluster postgres: {wanted} of {most} connections may be asked for"


def _most_pods(render: Render, work: Workload) -> int:
    for each in render.of("HorizontalPodAutoscaler"):
        if each["spec"]["scaleTargetRef"]["name"] == work.name:
            return int(each["spec"]["maxReplicas"])
    return work.replicas


def threads(render: Render) -> Iterator[str]:
    """Who multiplies matrices takes as many threads as processors, and no more."""
    for work in render.workloads():
        if "omega-federation-worker" not in work.main["image"]:
            continue
        variables = {each["name"]: each for each in work.main.get("env", [])}
        told = at(variables, "OPENBLAS_NUM_THREADS", "valueFrom", "resourceFieldRef", "resource")
        if told != "limits.cpu":
            yield f"{work}: OPENBLAS_NUM_THREADS is not the limit of its processors"
        if "cpu" not in at(work.main, "resources", "limits", default={}):
            yield f"{work}: without a limit it takes as many threads as the node has processors"
