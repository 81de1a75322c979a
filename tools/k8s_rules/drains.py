"""How pods end: calls have their time, and jobs theirs."""

from __future__ import annotations

from collections.abc import Iterator

from k8s_rules.objects import Object, Render, Workload, at

MARGIN_SECONDS = 2.0
"""For the interpreter to end."""
DEFAULT_GRACE = 5.0
"""OMEGA_<SERVICE>_GRACE_SECONDS where it is not set."""
PARTS = {"sync": 4, "console": 1}
"""Times that a stop may wait for the whole grace, one part after the other: sync's gRPC server, its
HTTP/3 and HTTP listeners and its pushes. Others wait once."""
_CLOSING = {"sync": 1.0, "console": 5.0, "federation-worker": 5.0}
"""Seconds that parts of a service take beyond the grace."""
ROUND_SECONDS = 7_200.0
"""OMEGA_FEDERATION_ROUND_SECONDS where it is not set."""


def longest_stop(name: str, environ: dict[str, str | None]) -> float:
    """Seconds from SIGTERM to the end of a service, at most."""
    said = {key.rpartition("_")[0].rpartition("_")[2]: value for key, value in environ.items()}
    drain = float(said.get("DRAIN") or 0)
    grace = float(said.get("GRACE") or DEFAULT_GRACE)
    return drain + grace * PARTS.get(name, 1) + _CLOSING.get(name, 0.0)


def drains(render: Render) -> Iterator[str]:
    """A server that drains and gives running calls their grace is done before it is killed."""
    for work in render.workloads("Deployment"):
        environ = render.environ(work)
        if not any(name.endswith("_DRAIN_SECONDS") for name in environ):
            continue
        kept = {n: v for n, v in environ.items() if n.endswith(("DRAIN_SECONDS", "GRACE_SECONDS"))}
        needs = longest_stop(work.name, kept) + MARGIN_SECONDS
        given = work.spec.get("terminationGracePeriodSeconds", 30)
        if needs > given:
            yield f"{work}: it may take {needs:g} s to stop and has {given}"
        if float(kept.get(next(n for n in kept if n.endswith("DRAIN_SECONDS"))) or 0) <= 0:
            yield f"{work}: it does not wait until balancers know"


def jobs(render: Render) -> Iterator[str]:
    """Jobs end, once, and what is wrong for good is not tried again."""
    for work in render.workloads("Job", "CronJob"):
        spec = work.made_by["spec"]
        spec = at(spec, "jobTemplate", "spec", default=spec)
        if work.spec.get("restartPolicy") not in {"Never", "OnFailure"}:
            yield f"{work}: restartPolicy"
        for key in ("activeDeadlineSeconds", "ttlSecondsAfterFinished"):
            if key not in spec:
                yield f"{work}: no {key}"
        indexed = spec.get("completionMode") == "Indexed"
        if ("backoffLimitPerIndex" if indexed else "backoffLimit") not in spec:
            yield f"{work}: nothing bounds how often it is tried"
        if indexed and spec.get("parallelism") != spec.get("completions"):
            yield f"{work}: every shard answers in one round, so all its pods run at once"
        if "podFailurePolicy" in spec and work.spec.get("restartPolicy") != "Never":
            yield f"{work}: podFailurePolicy needs restartPolicy Never"
        if work.kind == "CronJob":
            yield from _repeated(render, work, spec)


def _repeated(render: Render, work: Workload, spec: Object) -> Iterator[str]:
    if work.made_by["spec"].get("concurrencyPolicy") != "Forbid":
        yield f"{work}: two of it may run at once"
    if "startingDeadlineSeconds" not in work.made_by["spec"]:
        yield f"{work}: no startingDeadlineSeconds"
    said = render.environ(work).get("OMEGA_FEDERATION_ROUND_SECONDS")
    longest = float(said or ROUND_SECONDS)
    # Who answers waits for a round to begin as long as a round may last, and then for its end.
    times = 2 if spec.get("completionMode") == "Indexed" else 1
    if spec.get("activeDeadlineSeconds", 0) < times * longest:
        yield f"{work}: it is ended before a round of {longest:g} s is"
