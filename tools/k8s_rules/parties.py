"""Servers of another party: nothing of the operator's is within their reach but its gateway."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from k8s_rules.objects import Object, Render, Workload, at, matches, title
from k8s_rules.policies import NAMES, PART_OF, POSTGRES, Peer, allowed, instance, peer

PARTIES = {"randomness": "nothing", "relay": "the operator's gateway"}
"""Deployments that somebody else than the operator runs -> whom they may call."""
PRIVATE = {
    "0.0.0.0/0": ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12",
                  "192.168.0.0/16"),
    "::/0": ("fc00::/7", "fe80::/10"),
}  # fmt: skip
"""Whole address space -> what of it lies inside of clusters and their networks: networks differ in
whether an ipBlock covers pods."""
COUNTING = ("constellation", "federation-worker", "randomness")
"""Deployments that count epochs."""
TURNS = {"_EPOCH_DAYS": "28", "_GRACE_HOURS": "48"}
"""End of a setting -> its default."""
_GATEWAY = 50051
_FLEET = Peer({"omega.tv/part": "postgres"}, PART_OF, "omega-tv")
"""A database of a fleet that is described elsewhere."""


def apart(render: Render) -> Iterator[str]:
    """A party's pods have a namespace of their own and no way to a database, from either side."""
    works = render.workloads()
    for work in works:
        if work.name not in PARTIES:
            continue
        others = {str(w) for w in works if w.namespace == work.namespace and w.name != work.name}
        if others:
            yield f"{work}: it shares its namespace with {', '.join(sorted(others))}"
        mine = peer(render, work)
        if matches({"matchLabels": PART_OF}, mine.space):
            yield f"{work}: policies of the fleet take its namespace for one of theirs"
        for database in _databases(render):
            if allowed(render, "egress", mine, database, POSTGRES, "TCP"):
                yield f"{work}: its policies let it out to Postgres"
            known = any(each.namespace == database.namespace for each in works)
            if known and allowed(render, "ingress", database, mine, POSTGRES, "TCP"):
                yield f"{work}: policies of Postgres let it in"
        yield from _ways_out(render, work)


def epochs(render: Render) -> Iterator[str]:
    """All servers count epochs alike: those of the operator, and the randomness server."""
    for word, usual in TURNS.items():
        said = {}
        for work in render.workloads():
            if work.name in COUNTING:
                told = render.environ(work).items()
                said[str(work)] = next((v for n, v in told if n.endswith(word)), usual)
        if len(set(said.values())) > 1:
            yield ", ".join(f"{who}: {word} {value}" for who, value in said.items())


def _databases(render: Render) -> Iterator[Peer]:
    yield _FLEET
    for each in render.of("Cluster"):
        yield instance(render, each)
    for work in render.workloads("StatefulSet"):
        yield peer(render, work)


def _ways_out(render: Render, work: Workload) -> Iterator[str]:
    """Whom its policies name."""
    for policy in render.of("NetworkPolicy"):
        mine = policy["metadata"]["namespace"] == work.namespace
        if not mine or not matches(policy["spec"]["podSelector"], work.labels):
            continue
        for rule in policy["spec"].get("egress", []):
            if PARTIES[work.name] == "nothing":
                yield f"{work}: {title(policy)} lets it out, and it has nobody to call"
            elif not rule.get("to") or not rule.get("ports"):
                yield f"{work}: {title(policy)} lets it out to all"
            else:
                wrong = [each for each in rule["to"] if not _is_named(each, rule)]
                yield from (f"{work}: {title(policy)} lets it out to {each}" for each in wrong)


def _is_named(to: Object, rule: Object) -> bool:
    """Whether it is the cluster's DNS, the gateway's pods, or addresses outside of clusters."""
    ports = {each["port"] for each in rule["ports"]}
    if "ipBlock" in to:
        return _outside(to["ipBlock"]) and POSTGRES not in ports
    if ports == {53}:
        return bool(to == {"namespaceSelector": {"matchLabels": NAMES.space}})
    name = at(to, "podSelector", "matchLabels", "app.kubernetes.io/name")
    return name == "sync" and "namespaceSelector" in to and ports == {_GATEWAY}


def _outside(block: dict[str, Any]) -> bool:
    kept = {ip_network(each) for each in block.get("except", [])}
    for cidr, private in PRIVATE.items():
        for each in private:
            overlaps = ip_network(block["cidr"]).version == ip_network(cidr).version and (
                ip_network(block["cidr"]).overlaps(ip_network(each))
            )
            if overlaps and ip_network(each) not in kept:
                return False
    return True
