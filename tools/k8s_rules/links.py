"""What objects say of each other is so."""

from __future__ import annotations

from collections.abc import Iterator

from k8s_rules.objects import (
    SERVERS,
    Object,
    Render,
    Workload,
    at,
    instance_labels,
    matches,
    title,
)

MADE_BY_HAND = {
    "sync-keys": "token keys: omega-sync --new-token-key",
    "device-ca": "authority of TVs' certificates",
    "postgres-backup": "key of the object store",
    "federation-shards": "shards.toml, which holds addresses of databases",
    "threshold-secret": "32 random bytes, from which keys of threshold reports follow",
    "randomness-ca": "certificates that sign the randomness server, from who runs it",
    "gateway-ca": "certificates that sign the operator's gateway, for a relay",
}
"""Secrets that no controller makes: an ExternalSecret does, or an operator."""


def selectors(render: Render) -> Iterator[str]:
    """Who selects pods selects some, and its own."""
    works = render.workloads()
    for work in render.workloads(*SERVERS):
        yield from _own(work, works)
    for each in render.of("Service", "PodDisruptionBudget"):
        found = [w for w in works if _same(each, w) and matches(_selector(each), w.labels)]
        if len({w.name for w in found}) != 1:
            said = ", ".join(map(str, found)) or "nothing"
            yield f"{title(each)}: it selects {said}"
    for each in render.of("NetworkPolicy", "PodMonitor"):
        selector = at(each, "spec", "podSelector") or at(each, "spec", "selector", default={})
        if selector and not any(matches(selector, pod) for pod in _pods(render)):
            yield f"{title(each)}: it selects nothing"


def _own(work: Workload, works: list[Workload]) -> Iterator[str]:
    selector = work.made_by["spec"]["selector"]
    if not matches(selector, work.labels):
        yield f"{work}: it does not select its own pods"
    for other in works:
        if other.name != work.name and matches(selector, other.labels):
            yield f"{work}: it selects the pods of {other}"
    for each in work.spec.get("topologySpreadConstraints", []):
        if not matches(each["labelSelector"], work.labels):
            yield f"{work}: it spreads the pods of others"


def _selector(each: Object) -> Object:
    selector = at(each, "spec", "selector", default={})
    return {"matchLabels": selector} if each["kind"] == "Service" else selector


def _same(each: Object, work: Workload) -> bool:
    return bool(at(each, "metadata", "namespace", default="default") == work.namespace)


def _pods(render: Render) -> list[dict[str, str]]:
    """Labels of pods, with those that CloudNativePG makes."""
    found = [dict(work.labels) for work in render.workloads()]
    return found + [instance_labels(each) for each in render.of("Cluster")]


def references(render: Render) -> Iterator[str]:
    """What pods, autoscalers, backups and routes name is there."""
    for work in render.workloads():
        yield from _of_pod(render, work)
        yield from _files(render, work)
    for each in render.of("HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        if not render.find(target["kind"], target["name"]):
            yield f"{title(each)}: there is no {target['kind']} {target['name']}"
    for each in render.of("ScheduledBackup"):
        if not render.find("Cluster", each["spec"]["cluster"]["name"]):
            yield f"{title(each)}: there is no such Cluster"
    for each in render.of("Cluster"):
        for plugin in at(each, "spec", "plugins", default=[]):
            store = at(plugin, "parameters", "barmanObjectName", default="")
            if not render.find("ObjectStore", store):
                yield f"{title(each)}: there is no ObjectStore {store}"
    for each in render.of("TLSRoute", "UDPRoute"):
        yield from _parents(render, each)


def _of_pod(render: Render, work: Workload) -> Iterator[str]:
    account = work.spec.get("serviceAccountName", "default")
    if not render.find("ServiceAccount", account, work.namespace):
        yield f"{work}: there is no ServiceAccount {account}"
    for name in _config_maps(work):
        if not render.find("ConfigMap", name, work.namespace):
            yield f"{work}: there is no ConfigMap {name}"
    for each in work.spec.get("volumes", []):
        claim = at(each, "persistentVolumeClaim", "claimName")
        if claim and not render.find("PersistentVolumeClaim", claim, work.namespace):
            yield f"{work}: there is no PersistentVolumeClaim {claim}"
    volumes = {each["name"] for each in work.spec.get("volumes", [])}
    claims = at(work.made_by, "spec", "volumeClaimTemplates", default=[])
    volumes |= {each["metadata"]["name"] for each in claims}
    mounted = {m["name"] for c in work.containers for m in c.get("volumeMounts", [])}
    for name in sorted(volumes ^ mounted):
        yield f"{work}: volume {name} is not both there and mounted"


def _parents(render: Render, route: Object) -> Iterator[str]:
    """A route's listener is there, takes its kind, and has its host."""
    for parent in route["spec"]["parentRefs"]:
        gateway = render.find("Gateway", parent["name"])
        listeners = at(gateway, "spec", "listeners", default=[])
        named = [each for each in listeners if each["name"] == parent["sectionName"]]
        if not named:
            yield f"{title(route)}: there is no listener {parent['sectionName']}"
        for each in named:
            kinds = {kind["kind"] for kind in each["allowedRoutes"]["kinds"]}
            if route["kind"] not in kinds:
                yield f"{title(route)}: listener {each['name']} takes {', '.join(kinds)}"
            hosts = at(route, "spec", "hostnames", default=[each.get("hostname")])
            if hosts != [each.get("hostname")]:
                yield f"{title(route)}: listener {each['name']} has another host"


def _config_maps(work: Workload) -> Iterator[str]:
    for each in work.spec.get("volumes", []):
        if "configMap" in each:
            yield each["configMap"]["name"]
    for container in work.containers:
        yield from (each["configMapRef"]["name"] for each in container.get("envFrom", []))


def _files(render: Render, work: Workload) -> Iterator[str]:
    """A variable that names a file under /etc/omega names one that is mounted."""
    volumes = {each["name"]: each for each in work.spec.get("volumes", [])}
    for name, value in render.environ(work).items():
        if not value or not value.startswith("/etc/omega/"):
            continue
        folder, _, file = value.rpartition("/")
        mounts = [m for m in work.main.get("volumeMounts", []) if m["mountPath"] == folder]
        secret = at(volumes, mounts[0]["name"], "secret") if mounts else None
        items = {each["path"] for each in at(secret, "items", default=[])}
        if secret is None or (items and file not in items):
            yield f"{work}: {name} names {value}, which nothing mounts"


def secrets(render: Render) -> Iterator[str]:
    """A Secret that pods read has somebody who makes it, with that key."""
    known = dict.fromkeys(MADE_BY_HAND, None) | _made(render)
    for work in render.workloads():
        for name, keys in _read(work):
            if name not in known:
                yield f"{work}: nobody makes Secret {name}"
                continue
            has = known[name]
            for key in keys:
                if has is not None and key not in has:
                    yield f"{work}: Secret {name} has no key {key}"
    for each in render.of("Secret"):
        if render.find("Cluster", "postgres") or render.find("ExternalSecret", "sync-keys"):
            yield f"{title(each)}: a secret that everybody can read"


def _made(render: Render) -> dict[str, set[str] | None]:
    found: dict[str, set[str] | None] = {}
    for each in render.of("Secret"):
        found[each["metadata"]["name"]] = {*each.get("data", {}), *each.get("stringData", {})}
    for each in render.of("Certificate"):
        found[each["spec"]["secretName"]] = {"tls.crt", "tls.key", "ca.crt"}
    for each in render.of("ExternalSecret"):
        keys = {data["secretKey"] for data in each["spec"]["data"]}
        found[each["spec"]["target"]["name"]] = keys
    for each in render.of("Cluster"):
        name = each["metadata"]["name"]
        found[f"{name}-app"] = {"uri", "username", "password"}
        found[f"{name}-ca"] = {"ca.crt", "ca.key"}
    return found


def _read(work: Workload) -> Iterator[tuple[str, list[str]]]:
    for each in work.spec.get("volumes", []):
        if "secret" in each:
            items = [item["key"] for item in each["secret"].get("items", [])]
            yield each["secret"]["secretName"], items
    for container in work.containers:
        for each in container.get("env", []):
            reference = at(each, "valueFrom", "secretKeyRef")
            if reference:
                yield reference["name"], [reference["key"]]
