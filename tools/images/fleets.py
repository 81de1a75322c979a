"""The services in containers, started as a cluster would and looked at."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc
from images.closure import resolve
from images.container import Container
from images.drain import Drained
from images.engine import Engine
from images.loop import Fleet, brain_settings
from images.make import ROOT
from images.plan import IMAGES, PREFIX, USER
from images.site import Site

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


class Fleets:
    """All services in containers, on loopback of this machine.

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

    def fleet(self) -> Fleet:
        """Where its servers listen."""
        at = self.address
        return Fleet(at("sync"), at("constellation"), at("federation-worker"))

    def logs(self) -> str:
        """The end of what each service said."""
        every = self.containers.items()
        return "\n".join(f"omega-{name}:\n{container.log()}" for name, container in every)

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
        secret = self._site.secret("threshold-secret", secrets.token_hex(32))
        settings: dict[str, dict[str, str]] = {
            "randomness": {"OMEGA_RANDOMNESS_MAX_EVALUATIONS": "100000000"},
            "constellation": {
                **constellation,
                "OMEGA_CONSTELLATION_MIGRATE_AT_START": "false",
                "OMEGA_CONSTELLATION_THRESHOLD_SECRET_FILE": "/secrets/threshold",
                "OMEGA_CONSTELLATION_RANDOMNESS_TARGET": self.address("randomness"),
            },
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
            "relay": {"OMEGA_RELAY_GATEWAY_TARGET": self.address("sync")},
            "brain": brain_settings(f"http://{self.address('sync')}"),
        }
        volumes: dict[str, dict[Path, str]] = {
            "randomness": {self._site.storage("randomness"): "/data"},
            "constellation": {**self._site.socket, secret: "/secrets/threshold:ro"},
            "relay": {},
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
        """Starts a brain anew on the storage that the last one left, at an address of its own.

        For seconds after it was refused at the old one, gRPC would not dial there again.
        """
        self.ports[service] = free_port()
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
        if "omega-threshold" in resolve(ROOT, IMAGES[service].requirements).ours:
            container.inside(f"{PREFIX}/bin/python", "-c", "import omega_threshold.ristretto")
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
