"""Ports that are named are there, and probes ask at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from k8s_rules.objects import SERVERS, Object, Render, Workload, at, matches, title

LIVE = "live"
"""Service of grpc.health.v1 that is SERVING while the process answers."""
OURS = ("sync", "constellation", "federation-worker", "console", "randomness", "relay")
"""Deployments of the project's own services."""
_KINDS = ("startupProbe", "readinessProbe", "livenessProbe")


def ports(render: Render) -> Iterator[str]:
    """Ports of Services, routes and monitors lead to ports of containers."""
    for work in render.workloads():
        taken = Counter((each["containerPort"], each["protocol"]) for each in work.ports())
        for (number, protocol), times in taken.items():
            if times > 1:
                yield f"{work}: port {number}/{protocol} stands {times} times"
    yield from _of_services(render)
    yield from _of_routes(render)
    for each in render.of("PodMonitor"):
        for work in render.workloads(*SERVERS):
            if matches(each["spec"]["selector"], work.labels):
                for end in each["spec"]["podMetricsEndpoints"]:
                    if not _has(work, end["port"], "TCP"):
                        yield f"{title(each)}: {work} has no port {end['port']}"


def _of_services(render: Render) -> Iterator[str]:
    for each in render.of("Service"):
        for port in each["spec"]["ports"]:
            for work in _behind(render, each):
                if not _has(work, port["targetPort"], port["protocol"]):
                    yield f"{title(each)}: {work} has no port {port['targetPort']}"
        names = Counter(port["name"] for port in each["spec"]["ports"])
        if max(names.values()) > 1:
            yield f"{title(each)}: two ports of one name"


def _of_routes(render: Render) -> Iterator[str]:
    for each in render.of("TLSRoute", "UDPRoute"):
        protocol = "UDP" if each["kind"] == "UDPRoute" else "TCP"
        for rule in each["spec"]["rules"]:
            for back in rule["backendRefs"]:
                service = render.find("Service", back["name"])
                served = at(service, "spec", "ports", default=[])
                if (back["port"], protocol) not in {(p["port"], p["protocol"]) for p in served}:
                    yield f"{title(each)}: no Service {back['name']} has port {back['port']}"


def _behind(render: Render, service: Object) -> list[Workload]:
    selector = {"matchLabels": at(service, "spec", "selector", default={})}
    return [work for work in render.workloads(*SERVERS) if matches(selector, work.labels)]


def _has(work: Workload, name: str | int, protocol: str) -> bool:
    return any(
        name in {each["name"], each["containerPort"]} and each["protocol"] == protocol
        for each in work.ports()
    )


def probes(render: Render) -> Iterator[str]:
    """Long-lived containers are asked whether they started, live and can serve, where they listen.

    Liveness of the project's own never asks for what only a database or a constellation can give:
    Kubernetes would restart all that wait for it.
    """
    for work in render.workloads(*SERVERS):
        for container in work.spec["containers"]:
            numbers = {each["containerPort"] for each in container.get("ports", [])}
            names = {each["name"] for each in container.get("ports", [])}
            for kind in _KINDS:
                probe = container.get(kind)
                if probe is None:
                    yield f"{work}: {container['name']} has no {kind}"
                    continue
                port = at(probe, "grpc", "port") or at(probe, "httpGet", "port")
                if port is not None and port not in numbers | names:
                    yield f"{work}: {kind} asks at port {port}, where nothing listens"
        if work.name in OURS:
            yield from _ours(render, work)


def _ours(render: Render, work: Workload) -> Iterator[str]:
    ready, live = (work.main.get(kind, {}) for kind in ("readinessProbe", "livenessProbe"))
    if "httpGet" in ready:
        if not ready["httpGet"]["path"].endswith("/ready"):
            yield f"{work}: readiness asks {ready['httpGet']['path']}"
        if not at(live, "httpGet", "path", default="").endswith("/live"):
            yield f"{work}: liveness asks for more than life"
        for kind in _KINDS:
            if at(work.main, kind, "httpGet", "scheme") != "HTTPS":
                yield f"{work}: {kind} speaks no TLS"
        return
    if at(ready, "grpc", "service", default="") == LIVE or "grpc" not in ready:
        yield f"{work}: readiness does not ask whether it can serve"
    if at(live, "grpc", "service") != LIVE:
        yield f"{work}: liveness asks for more than life"
    listens = next(
        (v for n, v in render.environ(work).items() if n.endswith("_HEALTH_LISTEN")), None
    )
    number = (listens or "").rpartition(":")[2]
    for kind in _KINDS:
        if str(at(work.main, kind, "grpc", "port")) != number:
            yield f"{work}: {kind} does not ask where health is answered without TLS"
