"""Runs each image as a cluster would, calls it, closes the loop, ends it with calls in flight."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc
from images.container import Container
from images.drain import Drained, drain_busy, drain_held
from images.engine import Engine
from images.loop import ENCODER, Closed, Fleet, brain_settings, close_the_loop
from images.plan import PREFIX, USER
from images.site import Site, site

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.constellation.v1 import constellation_service_pb2 as constellation_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_cli.demo.fleet import FleetTv
from omega_client import AdminClient, BrainClient, ConstellationClient, FederationClient, SyncClient
from omega_embed import open_encoder
from omega_rpc.local_operators import ISSUER, OperatorKey, key_set
from omega_testing.processes import free_port

_WRITE = "import pathlib; pathlib.Path('/opt/omega/written').write_text('')"


@dataclass
class Ran:
    """How the service of one image did."""

    service: str
    """Which."""
    user: int = -1
    """User that it ran as."""
    healthy: bool = False
    """Whether its own probe and whoever asks from outside were told that it serves."""
    called: str = ""
    """What a real call was answered."""
    drained: Drained | None = None
    """How it ended."""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""


@dataclass(frozen=True)
class Smoked:
    """How all of them did."""

    services: list[Ran]
    """Each of them."""
    loop: Closed
    """The loop that they closed."""


class Fleets:
    """The five services in containers, on loopback of this machine.

    Args:
        engine: runs them.
        images: by service.
        place: database and keys.
    """

    def __init__(self, engine: Engine, images: Mapping[str, str], place: Site) -> None:
        self._engine, self._images, self._site = engine, images, place
        self.ports = {service: free_port() for service in images}
        self.key = OperatorKey.generate()
        self.ran = {service: Ran(service) for service in images}
        self.containers: dict[str, Container] = {}

    def address(self, service: str) -> str:
        """HOST:PORT of a service."""
        return f"127.0.0.1:{self.ports[service]}"

    def start(self, stack: ExitStack) -> None:
        """Migrates the database, then starts all and looks at each."""
        url = self._site.inside_url
        constellation = {"OMEGA_CONSTELLATION_DATABASE_URL": url}
        with self._run(
            "constellation", constellation, self._site.socket, "--migrate-only"
        ) as migration:
            if migration.wait():
                self.ran["constellation"].faults.append(f"no migration: {migration.log()}")
        keys = self._site.token_keys()
        jwks = self._site.secret("operators.jwks", key_set([self.key]).decode())
        settings: dict[str, dict[str, str]] = {
            "constellation": {**constellation, "OMEGA_CONSTELLATION_MIGRATE_AT_START": "false"},
            "sync": {
                "OMEGA_SYNC_CONSTELLATION_TARGET": self.address("constellation"),
                "OMEGA_SYNC_TOKEN_KEYS": "/secrets/token-keys",
            },
            "federation-worker": {
                "OMEGA_FEDERATION_DATABASE_URL": url,
                "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
            },
            "console": {
                "OMEGA_CONSOLE_JWKS": "/secrets/operators.jwks",
                "OMEGA_CONSOLE_ISSUER": ISSUER,
                "OMEGA_CONSOLE_CONSTELLATION_TARGET": self.address("constellation"),
            },
            "brain": brain_settings(f"http://{self.address('sync')}"),
        }
        volumes: dict[str, dict[Path, str]] = {
            "constellation": self._site.socket,
            "federation-worker": self._site.socket,
            "sync": {keys: "/secrets/token-keys:ro"},
            "console": {jwks: "/secrets/operators.jwks:ro"},
            "brain": {self._site.storage("brain"): "/data/omega"},
        }
        for service, environ in settings.items():
            container = self._run(service, environ, volumes[service])
            self.containers[service] = stack.enter_context(container)
            container.until_healthy(f"{PREFIX}/bin/omega-{service}")
            self._look(service, container)

    def again(self, service: str, stack: ExitStack) -> Container:
        """Starts a brain anew on the storage that the last one left."""
        storage = {self._site.folder / "brain": "/data/omega"}
        container = stack.enter_context(
            self._run(service, {"OMEGA_BRAIN_CONSTELLATION_URL": ""}, storage)
        )
        container.until_healthy(f"{PREFIX}/bin/omega-{service}")
        return container

    def _run(
        self,
        service: str,
        environ: Mapping[str, str],
        volumes: Mapping[Path, str],
        *arguments: str,
    ) -> Container:
        prefix = {"federation-worker": "FEDERATION"}.get(service, service.upper())
        listen = {f"OMEGA_{prefix}_LISTEN": self.address(service)}
        image = self._images[service]
        return Container(self._engine, image, {**listen, **environ}, volumes, arguments)

    def _look(self, service: str, container: Container) -> None:
        ran = self.ran[service]
        status = container.status()
        users = {int(word) for word in status["Uid"].split() + status["Gid"].split()}
        ran.user = max(users)
        if users != {USER}:
            ran.faults.append(f"it runs as {sorted(users)}")
        if int(status["CapEff"], 16) or int(status["CapPrm"], 16):
            ran.faults.append("it has capabilities")
        if status["NoNewPrivs"] != "1":
            ran.faults.append("it may gain rights")
        tried = container.inside(
            f"{PREFIX}/bin/python", "-c", f"try:\n {_WRITE}\nexcept OSError as e:\n print(e.errno)"
        )
        if tried.strip() != "30":  # EROFS
            ran.faults.append("its root file system can be written")
        ran.healthy = self._serves(service)
        if not ran.healthy:
            ran.faults.append("it does not say from outside that it serves")

    def _serves(self, service: str) -> bool:
        if service == "console":
            url = f"http://{self.address(service)}/api/v1/health/ready"
            return httpx.get(url, timeout=10).status_code == httpx.codes.OK
        with grpc.insecure_channel(self.address(service)) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def smoke(engine: Engine, images: Mapping[str, str]) -> Smoked:
    """Tries the images, by service.

    Raises:
        EngineError: one does not start or serve; the text ends with its log.
    """
    with ExitStack() as stack:
        place = stack.enter_context(site())
        fleets = Fleets(engine, images, place)
        fleets.start(stack)
        sync, constellation, worker = map(
            fleets.address, ("sync", "constellation", "federation-worker")
        )
        fleet = Fleet(sync, constellation, worker)
        loop = close_the_loop(fleet, fleets.address("brain"))
        for service, end in _ENDS.items():
            ran = fleets.ran[service]
            ran.drained = end(fleets, place, stack)
            ran.faults += ran.drained.faults()
    return Smoked(list(fleets.ran.values()), loop)


def _end_brain(fleets: Fleets, _place: Site, stack: ExitStack) -> Drained:
    with BrainClient(fleets.address("brain")) as tv:
        stats = tv.get_stats()
        listed = tv.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))
        title = listed.recommendations[0].content_id
        fleets.ran[
            "brain"
        ].called = f"{len(listed.recommendations)} titles by {stats.model_version}"

        def call(number: int) -> None:
            tv.observe_event(
                brain_pb.ObserveEventRequest(
                    event_id=f"smoke-{number}", content_id=title, watch_percentage=0.5
                )
            )

        def kept() -> int:
            again = fleets.again("brain", stack)
            with BrainClient(fleets.address("brain")) as restarted:
                events = restarted.get_stats().events - stats.events
            again.terminate()
            again.wait()
            return int(events)

        return drain_busy(fleets.containers["brain"], call, kept)


def _end_console(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    token = fleets.key.sign("smoke", ["viewer"], datetime.now(UTC), timedelta(hours=1))
    url = f"http://{fleets.address('console')}/api/v1/devices"
    headers = {"Authorization": f"Bearer {token}"}

    def call(_number: int) -> int:
        answer = httpx.get(url, headers=headers, timeout=20)
        answer.raise_for_status()
        return len(answer.json()["devices"])

    fleets.ran["console"].called = f"{call(0)} devices"
    return drain_held(place, fleets.containers["console"], "devices", call, 4)


def _end_worker(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    with FederationClient(fleets.address("federation-worker"), timeout=60) as worker:

        def call(_number: int) -> federation_pb.Round:
            asked = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
            return worker.run_round(asked).round

        done = call(0)
        fleets.ran["federation-worker"].called = f"a round over {done.devices} TVs"
        return drain_held(place, fleets.containers["federation-worker"], "pushes", call, 1)


def _end_sync(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    with SyncClient(fleets.address("sync")) as sync:
        tvs = [FleetTv(()) for _ in range(8)]
        for tv in tvs:
            tv.register(sync)
        fleets.ran["sync"].called = f"{len(tvs)} TVs registered"
        model = open_encoder(kind=ENCODER).model_version
        before = place.rows("pushes")
        drained = drain_held(
            place,
            fleets.containers["sync"],
            "pushes",
            lambda n: tvs[n].exchange(sync, model, bytes(range(48)), b"\x01"),
            len(tvs),
        )
    return _held_to(drained, place.rows("pushes") - before, len(tvs))


def _end_constellation(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    address = fleets.address("constellation")
    with ConstellationClient(address) as constellation, AdminClient(address) as admin:
        stats = admin.get_shard_stats()
        fleets.ran["constellation"].called = f"{stats.total_devices} devices in its shard"
        before = place.rows("devices")
        drained = drain_held(
            place,
            fleets.containers["constellation"],
            "devices",
            lambda _n: constellation.register_device(
                constellation_pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
            ),
        )
    return _held_to(drained, place.rows("devices") - before, drained.in_flight)


def _held_to(drained: Drained, kept: int, answered: int) -> Drained:
    """Counts answers of which nothing was kept as lost."""
    missed = abs(answered - drained.lost - kept)
    if not missed:
        return drained
    errors = (*drained.errors, f"{answered} answered, {kept} kept")
    return Drained(drained.in_flight, drained.lost + missed, drained.exit_code, errors)


_ENDS = {
    "brain": _end_brain,
    "console": _end_console,
    "federation-worker": _end_worker,
    "sync": _end_sync,
    "constellation": _end_constellation,
}
"""In the order in which they can end: none that another still needs."""
