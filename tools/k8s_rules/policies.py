"""Network policies: what they let through is what is needed, which is reckoned from variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from k8s_rules.objects import Object, Render, Workload, at, instance_labels, matches, title

PUBLIC = {
    "sync": ("grpc", "grpc-mtls", "https", "quic"),
    "randomness": ("grpc",),
    "relay": ("grpc",),
}
"""Service -> its ports at which TVs call."""
PART_OF = {"app.kubernetes.io/part-of": "omega-tv"}
POSTGRES = 5432
"""Where databases listen."""
_INSTANCE = {"postgres": POSTGRES, "status": 8000, "metrics": 9187}
"""Where an instance of CloudNativePG listens, all by TCP."""


@dataclass(frozen=True)
class Peer:
    """Who calls or is called."""

    labels: dict[str, str] = field(default_factory=dict)
    """Of the pod; none = something outside of the cluster."""
    space: dict[str, str] = field(default_factory=dict)
    """Labels of its namespace; none = something outside of the cluster."""
    namespace: str = ""
    """Its name."""


OUTSIDE = Peer()
"""A TV, and whatever is called outside of the cluster."""
NAMES = Peer({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"}, "kube-system")
"""The cluster's DNS."""


def denied(render: Render) -> Iterator[str]:
    """In each namespace with pods nothing comes in or goes out that no policy names."""
    spaces = {work.namespace for work in render.workloads()}
    spaces |= {each["metadata"]["namespace"] for each in render.of("Cluster")}
    for space in sorted(spaces):
        everything = [
            each
            for each in render.of("NetworkPolicy")
            if each["metadata"]["namespace"] == space
            and not each["spec"]["podSelector"]
            and not each["spec"].get("ingress")
            and not each["spec"].get("egress")
            and set(each["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        ]
        if not everything:
            yield f"Namespace {space}: nothing is denied by default"


def allowed(render: Render, towards: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    """Whether the policies of a pod let traffic of one direction through.

    Args:
        render: the policies.
        towards: "ingress" or "egress" of the pod.
        pod: whose policies are asked.
        other: the other end.
        port: where the one who is called listens.
        protocol: "TCP" or "UDP".
    """
    mine = [
        each
        for each in render.of("NetworkPolicy")
        if each["metadata"]["namespace"] == pod.namespace
        and towards.capitalize() in each["spec"]["policyTypes"]
        and matches(each["spec"]["podSelector"], pod.labels)
    ]
    rules = [rule for each in mine for rule in each["spec"].get(towards, [])]
    return not mine or any(_passes(rule, towards, pod, other, port, protocol) for rule in rules)


def _passes(rule: Object, towards: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    named = rule.get("ports")
    if named is not None and not any(
        each["port"] == port and each.get("protocol", "TCP") == protocol for each in named
    ):
        return False
    peers = rule.get("from" if towards == "ingress" else "to")
    return peers is None or any(_is(each, pod, other) for each in peers)


def _is(peer: Object, pod: Peer, other: Peer) -> bool:
    if "ipBlock" in peer:
        return not other.labels
    if not other.labels:
        return False
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], other.space):
            return False
    elif other.namespace != pod.namespace:
        return False
    return matches(peer.get("podSelector", {}), other.labels)


def peer(render: Render, work: Workload) -> Peer:
    """A pod of a workload."""
    return _pod(render, work.labels, work.namespace)


def instance(render: Render, cluster: Object) -> Peer:
    """A pod that CloudNativePG makes of a Cluster."""
    return _pod(render, instance_labels(cluster), cluster["metadata"]["namespace"])


def _pod(render: Render, labels: Mapping[str, str], namespace: str) -> Peer:
    space = at(render.find("Namespace", namespace), "metadata", "labels", default={})
    own = {"kubernetes.io/metadata.name": namespace}  # which Kubernetes gives every namespace
    return Peer(dict(labels), own | space, namespace)


def let_in(render: Render) -> Iterator[str]:
    """TVs reach every port that they are served at, and monitors the one that they scrape."""
    for work in render.workloads("Deployment"):
        for port in work.ports():
            if port["name"] in PUBLIC.get(work.name, ()):
                number, protocol = port["containerPort"], port["protocol"]
                if not allowed(render, "ingress", peer(render, work), OUTSIDE, number, protocol):
                    yield f"{work}: TVs do not reach {port['name']}"
            scraper = Peer(
                {"any": "pod"}, {"kubernetes.io/metadata.name": "monitoring"}, "monitoring"
            )
            if port["name"] == "metrics" and not allowed(
                render, "ingress", peer(render, work), scraper, port["containerPort"], "TCP"
            ):
                yield f"{work}: nobody may scrape it"


def closed(render: Render) -> Iterator[str]:
    """Outsiders reach nothing but what TVs call, and strangers in the cluster no database."""
    stranger = Peer({"app": "other"}, {"kubernetes.io/metadata.name": "other"}, "other")
    for who, pod, port in _listening(render):
        service = pod.labels.get("app.kubernetes.io/name", "")
        if port["name"] in PUBLIC.get(service, ()):
            continue
        number, protocol = port["containerPort"], port["protocol"]
        if allowed(render, "ingress", pod, OUTSIDE, number, protocol):
            yield f"{who}: port {port['name']} is open to all"
        if service != "console" and allowed(render, "ingress", pod, stranger, number, protocol):
            yield f"{who}: port {port['name']} is open to the whole cluster"


def _listening(render: Render) -> Iterator[tuple[str, Peer, Object]]:
    """Who listens where: its name, a pod of it, and the port as a container states it."""
    for work in render.workloads("Deployment", "StatefulSet"):
        for port in work.ports():
            yield str(work), peer(render, work), port
    for each in render.of("Cluster"):
        for name, number in _INSTANCE.items():
            port = {"name": name, "containerPort": number, "protocol": "TCP"}
            yield title(each), instance(render, each), port


def let_out(render: Render) -> Iterator[str]:
    """A pod reaches what its variables name, and is let in there."""
    spaces = {each["metadata"]["name"] for each in render.of("Namespace")}
    for work in render.workloads():
        mine = peer(render, work)
        called = list(_calls(render, work))
        for protocol in ("TCP", "UDP") if called else ():
            if not allowed(render, "egress", mine, NAMES, 53, protocol):
                yield f"{work}: it may not ask for names by {protocol}"
        for name, other, port in called:
            if not allowed(render, "egress", mine, other, port, "TCP"):
                yield f"{work}: it may not call {name}"
            if other.namespace in spaces and not allowed(
                render, "ingress", other, mine, port, "TCP"
            ):
                yield f"{work}: {name} does not let it in"


def _calls(render: Render, work: Workload) -> Iterator[tuple[str, Peer, int]]:
    """Whom a workload calls, by its variables: name, pod, port of the pod."""
    environ = render.environ(work)
    for variable, value in environ.items():
        if variable.endswith("_TARGET") and value:
            yield _service(render, work, value)
        if variable == "OTEL_EXPORTER_OTLP_ENDPOINT" and value:
            yield _service(render, work, urlsplit(value).netloc)
        if variable == "OMEGA_CONSOLE_JWKS" and value and value.startswith("https:"):
            yield "its provider of keys", OUTSIDE, 443
    databases = [name for name in environ if name.endswith(("_DATABASE_URL", "_SHARDS_FILE"))]
    if databases:
        yield "its database", _postgres(render), POSTGRES


def _service(render: Render, work: Workload, target: str) -> tuple[str, Peer, int]:
    host, _, port = target.rpartition(":")
    name, _, rest = host.partition(".")
    if rest and "svc" not in rest.split("."):
        return target, OUTSIDE, int(port)
    space = rest.partition(".")[0] or work.namespace
    for other in render.workloads("Deployment"):
        if (other.name, other.namespace) == (name, space):
            return target, peer(render, other), int(port)
    labels = {"app.kubernetes.io/name": name, **PART_OF}
    return target, Peer(labels, PART_OF, space), int(port)


def _postgres(render: Render) -> Peer:
    for each in render.of("Cluster"):
        return instance(render, each)
    for other in render.workloads("StatefulSet"):
        return peer(render, other)
    return Peer({"omega.tv/part": "postgres"}, PART_OF, "elsewhere")
