"""Certificates name the hosts that are called, and images are what was released."""

from __future__ import annotations

import re
from collections.abc import Iterator

from k8s_rules.objects import Render, at, title

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}\Z")


def certificates(render: Render) -> Iterator[str]:
    """A host that a service calls over TLS is one that a certificate of the render names."""
    if not render.of("Certificate"):
        return
    named = {
        host
        for each in render.of("Certificate")
        for host in at(each, "spec", "dnsNames", default=[])
    }
    for work in render.workloads():
        environ = render.environ(work)
        for variable, value in environ.items():
            if not variable.endswith("_TARGET") or not value:
                continue
            host = value.rpartition(":")[0]
            if ("." not in host or "svc" in host.split(".")) and host not in named:
                yield f"{work}: no certificate names {value}"
            if not environ.get(variable.replace("_TARGET", "_TLS_CA")):
                yield f"{work}: it calls {value} without TLS"
    for each in render.of("Service"):
        host = f"{each['metadata']['name']}.{each['metadata']['namespace']}.svc"
        secret = f"{each['metadata']['name']}-tls"
        mine = next(
            (c for c in render.of("Certificate") if c["spec"]["secretName"] == secret), None
        )
        if mine is not None and host not in mine["spec"]["dnsNames"]:
            yield f"{title(mine)}: it does not name {host}"


def images(render: Render) -> Iterator[str]:
    """Every image that pods run, by whom it is named."""
    for work in render.workloads():
        for container in work.containers:
            yield container["image"]
    for each in render.of("Cluster"):
        yield each["spec"]["imageName"]


def pinned(render: Render) -> Iterator[str]:
    """Images stand by digest, and the migration is named after what it runs: a release's rule."""
    for image in sorted(set(images(render))):
        if not _DIGEST.match(image):
            yield f"image {image}: no digest"
    for work in render.workloads("Job"):
        digest = work.main["image"].rpartition("@sha256:")[2]
        if work.name.startswith("migrate") and not work.name.endswith(digest[:10]):
            yield f"{work}: it is not named after its image, so a next release cannot be applied"
