"""What a rendered set of manifests is held to, beyond the structure that a schema knows.

A rule is a function of a Render that yields complaints, each of which names the object at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from k8s_rules import drains, links, names, parties, pods, policies, ports, scaling, trust
from k8s_rules.objects import Render

Rule = Callable[[Render], Iterator[str]]

RULES: Mapping[str, Rule] = {
    "names": names.names,
    "duplicates": names.duplicates,
    "selectors": links.selectors,
    "references": links.references,
    "secrets": links.secrets,
    "ports": ports.ports,
    "probes": ports.probes,
    "restricted": pods.restricted,
    "tokens": pods.tokens,
    "resources": pods.resources,
    "spread": pods.spread,
    "jobs": drains.jobs,
    "drains": drains.drains,
    "budgets": scaling.budgets,
    "autoscalers": scaling.autoscalers,
    "connections": scaling.connections,
    "threads": scaling.threads,
    "denied": policies.denied,
    "let in": policies.let_in,
    "let out": policies.let_out,
    "closed": policies.closed,
    "apart": parties.apart,
    "epochs": parties.epochs,
    "certificates": trust.certificates,
}
"""Rules that every render keeps."""


def complaints(render: Render) -> list[str]:
    """What is wrong with a render: "rule: object: what"."""
    return [f"{name}: {text}" for name, rule in RULES.items() for text in rule(render)]
