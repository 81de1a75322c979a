"""Names that the API server takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from k8s_rules.objects import Render, Workload, at, title

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_PORT = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?\Z")
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?\Z")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_NAMES_OF_HOSTS = {"Namespace", "Service"}
"""Kinds whose names are labels of DNS."""


def names(render: Render) -> Iterator[str]:
    """Names of objects, containers, ports, volumes, variables and labels have their form."""
    for each in render.objects:
        name = str(at(each, "metadata", "name", default=""))
        form = _LABEL if each["kind"] in _NAMES_OF_HOSTS else _SUBDOMAIN
        if not form.match(name):
            yield f"{title(each)}: its name is none"
        for key, value in at(each, "metadata", "labels", default={}).items():
            if not isinstance(value, str) or not _VALUE.match(value):
                yield f"{title(each)}: label {key}: {value!r}"
    yield from _within(render)


def _within(render: Render) -> Iterator[str]:
    for work in render.workloads():
        for kind, form, found in _of_pods(work):
            for name in found:
                if not form.match(str(name)):
                    yield f"{work}: {kind} {name!r}"
            for name, times in Counter(found).items():
                if times > 1:
                    yield f"{work}: {kind} {name!r} stands {times} times"


def _of_pods(work: Workload) -> Iterator[tuple[str, re.Pattern[str], list[str]]]:
    yield "container", _LABEL, [each["name"] for each in work.containers]
    yield "volume", _LABEL, [each["name"] for each in work.spec.get("volumes", [])]
    for each in work.containers:
        yield "port", _PORT, [port["name"] for port in each.get("ports", [])]
        yield "variable", _VARIABLE, [variable["name"] for variable in each.get("env", [])]
        yield "path", re.compile(r"/.+"), [m["mountPath"] for m in each.get("volumeMounts", [])]


def duplicates(render: Render) -> Iterator[str]:
    """No object is there twice."""
    keys = Counter(
        (
            str(each["apiVersion"]).partition("/")[0],
            each["kind"],
            at(each, "metadata", "namespace", default=""),
            each["metadata"]["name"],
        )
        for each in render.objects
    )
    for (_, kind, _, name), times in keys.items():
        if times > 1:
            yield f"{kind} {name}: it stands {times} times"
