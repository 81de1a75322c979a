"""Runs a render's Deployments by `podman play kube`, asks as probes would, closes the loop."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import trustme
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from images.container import Container
from images.engine import Engine, EngineError
from images.loop import Closed, Fleet, brain_settings, close_the_loop
from images.plan import PREFIX
from images.pod_secrets import make_secrets, write
from images.pods import Here, Pod, Probe, convert, left_out, read
from images.postgres_tls import over_tls
from images.site import Site, site

from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_rpc.tls import ClientTls
from omega_testing.probe import eventually
from omega_testing.processes import free_port

RENDERS = ("dev", "staging", "production")
"""Renders that can be played: each is one whole shard, and a single Postgres can stand for its
database."""
DATABASE = "postgres-rw"
"""Name by which pods call the shard's primary."""
_NETWORK = "podman"
"""podman's own, not the one that `play kube` would make: its gateway is known before the pods."""
_READY_SECONDS = 90.0


@dataclass
class Played:
    """How one workload of the render did."""

    name: str
    """Of the Deployment or Job."""
    probes: dict[str, str] = field(default_factory=dict)
    """Answer to each probe that a kubelet would ask: "" = good."""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""


@dataclass(frozen=True)
class Play:
    """What came of a render."""

    workloads: list[Played]
    """Each of them."""
    loop: Closed
    """The end-to-end test, over published ports with mutual TLS."""
    left_out: dict[str, int]
    """Objects that only a cluster has, by kind: they were not tried."""


def play(engine: Engine, render: Path, images: Mapping[str, str]) -> Play:
    """Runs a render.

    Args:
        engine: podman.
        render: a file of RENDERS, with its objects as kustomize prints them.
        images: by service, as they were built here.

    Raises:
        EngineError: it is another render, an image is missing, podman refuses, or a workload does
            not end or does not get ready.
    """
    check(engine, render, images)
    with ExitStack() as stack:
        place = stack.enter_context(site())
        gateway = _gateway(engine)
        authority, operators = trustme.CA(), OperatorKey.generate()
        database = stack.enter_context(_database(place, gateway, authority))
        secrets = place.folder / "secrets"
        secrets.mkdir()
        here = Here(
            images={f"omega-{service}": name for service, name in images.items()},
            free_port=free_port,
            fixed={"constellation": 50051},
            names=("constellation", DATABASE),
            gateway=gateway,
            secrets=secrets,
            settings={
                "OMEGA_CONSOLE_JWKS": "/etc/omega/tls/operators.jwks",
                "OMEGA_CONSOLE_ISSUER": ISSUER,
            },
            values={"postgres-app": {"uri": database}},  # as CloudNativePG names it
        )
        documents = read(render)
        maps, pods = convert(documents, here)
        make_secrets(place, pods, authority, key_set([operators]))
        played = {pod.name: Played(pod.name) for pod in pods}
        # The order of a rollout: the schema, then its owner, then those who call it.
        for pod in sorted(pods, key=lambda pod: pod.name != "constellation"):
            if pod.document["kind"] == "Pod":
                _start(engine, stack, place, pod, maps)
                _ended(engine, pod)
        for pod in sorted(pods, key=lambda pod: pod.name != "constellation"):
            if pod.document["kind"] == "Deployment":
                _start(engine, stack, place, pod, maps)
                _ready(engine, pod, authority, played[pod.name])
        try:
            loop = _loop(engine, stack, place, pods, authority, images)
        except (TimeoutError, grpc.RpcError) as error:
            logs = "".join(_logs(engine, pod) for pod in pods)
            raise EngineError(f"{type(error).__name__}: {error}\n{logs}") from error
        return Play(list(played.values()), loop, left_out(documents, pods))


def check(engine: Engine, render: Path, images: Mapping[str, str]) -> None:
    """Whether play() can begin; takes the same arguments.

    Raises:
        EngineError: it cannot.
    """
    if render.stem not in RENDERS:
        raise EngineError(
            f"{render.name} is not played: of deploy/k8s/rendered, {', '.join(RENDERS)} are"
        )
    if not render.is_file():
        raise EngineError(f"there is no file {render}")
    if not engine.is_podman:
        raise EngineError("`play kube` is podman's, and the engine here is docker")
    missing = [service for service, name in images.items() if not engine.has(name)]
    if missing:
        raise EngineError(f"no image of {', '.join(missing)} is here: make images")


def _gateway(engine: Engine) -> str:
    (network,) = json.loads(engine.run("network", "inspect", _NETWORK))
    return str(network["subnets"][0]["gateway"])


@contextmanager
def _database(place: Site, gateway: str, authority: trustme.CA) -> Iterator[str]:
    """The database as a cluster's: over TLS, by the name of its service; gives its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(DATABASE).configure_cert(context)
    path = next(place.postgres.socket.glob(".s.PGSQL.*[0-9]"))
    with over_tls(path, gateway, context) as port:
        yield f"postgresql://postgres@{DATABASE}:{port}/postgres"


def _start(
    engine: Engine, stack: ExitStack, place: Site, pod: Pod, maps: list[dict[str, object]]
) -> None:
    path = place.folder / f"{pod.name}.yaml"
    path.write_text(yaml.safe_dump_all([*maps, pod.document]), "utf-8")
    stack.callback(engine.tidy, "play", "kube", "--down", str(path))
    # What a run that was killed left behind is in the way.
    engine.run("play", "kube", "--replace", "--network", _NETWORK, str(path))


def _containers(engine: Engine, pod: Pod) -> list[str]:
    every = json.loads(engine.run("ps", "--all", "--pod", "--format", "json"))
    return [
        each["Id"]
        for each in every
        if each.get("PodName", "").startswith(pod.name) and not each.get("IsInfra")
    ]


def _ended(engine: Engine, pod: Pod) -> None:
    for container in _containers(engine, pod):
        code = engine.run("wait", container, seconds=120).strip()
        if code != "0":
            raise EngineError(f"{pod.name} ended with {code}\n{_logs(engine, pod)}")


def _logs(engine: Engine, pod: Pod) -> str:
    """The end of what its containers said."""
    return "".join(f"{pod.name}:\n{engine.logs(each)}\n" for each in _containers(engine, pod))


def _ready(engine: Engine, pod: Pod, authority: trustme.CA, played: Played) -> None:
    """Asks as a kubelet would: readiness until it is there, then every probe once."""
    ready = [probe for probe in pod.probes if probe.name == "readinessProbe"]
    try:
        eventually(
            lambda: [_answer(pod, probe, authority) for probe in ready],
            lambda answers: not any(answers),
            what=f"what {pod.name} says of its readiness",
            seconds=_READY_SECONDS,
        )
    except TimeoutError as error:
        raise EngineError(f"{error}\n{_logs(engine, pod)}") from error
    played.probes = {probe.name: _answer(pod, probe, authority) for probe in pod.probes}
    played.faults += [f"{name}: {said}" for name, said in played.probes.items() if said]
    if not played.probes:
        played.faults.append("it has no probes")


def _answer(pod: Pod, probe: Probe, authority: trustme.CA) -> str:
    """Why a probe fails; empty = it does not."""
    port = pod.ports.get((probe.port, "TCP"))
    if port is None:
        return f"port {probe.port} is not declared"
    if probe.path:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        scheme = "https" if probe.secure else "http"
        try:
            answer = httpx.get(
                f"{scheme}://localhost:{port}{probe.path}", verify=context, timeout=5
            )
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return "" if answer.status_code < 400 else f"status {answer.status_code}"  # noqa: PLR2004 - as a kubelet
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service=probe.service)
        try:
            found = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "" if found.status == health_pb2.HealthCheckResponse.SERVING else f"{found.status}"


def _loop(
    engine: Engine,
    stack: ExitStack,
    place: Site,
    pods: list[Pod],
    authority: trustme.CA,
    images: Mapping[str, str],
) -> Closed:
    at = {pod.name: pod.ports.get((50051, "TCP"), 0) for pod in pods}
    shown = place.folder / "shown"
    leaf = authority.issue_cert("operator@omega.test")
    write(shown, {"ca.crt": authority.cert_pem.bytes()})
    leaf.cert_chain_pems[0].write_to_path(str(shown / "tls.crt"))
    leaf.private_key_pem.write_to_path(str(shown / "tls.key"))
    tls = ClientTls(shown / "ca.crt", shown / "tls.crt", shown / "tls.key")
    address = f"127.0.0.1:{free_port()}"
    brain = stack.enter_context(
        Container(
            engine,
            images["brain"],
            {
                **brain_settings(f"https://localhost:{at['sync']}"),
                "OMEGA_BRAIN_LISTEN": address,
                "OMEGA_BRAIN_CONSTELLATION_TLS_CA": "/shown/ca.crt",
            },
            {place.storage("brain"): "/data/omega", shown: "/shown:ro"},
        )
    )
    brain.until_healthy(f"{PREFIX}/bin/omega-brain")
    sync, constellation, worker = (
        f"localhost:{at[name]}" for name in ("sync", "constellation", "federation-worker")
    )
    fleet = Fleet(sync, constellation, worker, tls)
    return close_the_loop(fleet, address)
