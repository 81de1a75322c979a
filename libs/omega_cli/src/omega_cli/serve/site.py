"""The services of one machine: started in order, kept running, stopped in the reverse order."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from omega_cli.serve.folder import ServeFolder
from omega_cli.serve.keeper import Keeper
from omega_core.errors import invalid
from omega_rpc.local_operators import ISSUER
from omega_rpc.telemetry import METRICS_LISTEN
from omega_rpc.tls import ClientTls
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess

LOOPBACK = "127.0.0.1"
DATABASE = "omega"
"""Database of the cluster that a folder holds."""
LARGEST_LOG = 16 * 1_024 * 1_024
"""A log of so many bytes is set aside when its service starts; one of those is kept."""
_PATIENCE_SECONDS = 40.0
"""For what a killed process left behind, and its own supervisors are stopping: they take 30 s."""
_OWNER = "another postmaster"


@dataclass(frozen=True)
class Ports:
    """Where services listen, 0 to 65,535; 0 = any free one."""

    sync: int = 50_071
    """TVs with tokens."""
    mtls: int = 50_075
    """TVs with certificates."""
    constellation: int = 50_072
    """Operators' commands, on loopback."""
    federation: int = 50_073
    """Rounds, on loopback."""
    console: int = 50_074
    """Operators' browsers, on loopback."""
    relay: int = 50_076
    """TVs' reports of pairs, where they are taken."""
    randomness: int = 50_077
    """Coins of such reports."""


@dataclass(frozen=True)
class Plan:
    """What is served, and where."""

    folder: ServeFolder
    """Holds everything that lasts."""
    host: str = LOOPBACK
    """Address on which TVs call."""
    names: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    """What TVs call the machine by."""
    ports: Ports = field(default_factory=Ports)
    """Where services listen."""
    database_url: str = field(default="", repr=False)
    """Postgres to use; empty = one in the folder."""
    reports: bool = False
    """Whether reports of pairs are taken, and randomness server and relay run here as well."""

    def called(self, port: str) -> bool:
        """Whether TVs call a port."""
        return port in {"sync", "mtls", "relay", "randomness"}

    def open_ports(self) -> dict[str, int]:
        """Ports that something is to listen on."""
        left = set() if self.reports else {"relay", "randomness"}
        return {name: port for name, port in vars(self.ports).items() if name not in left}


class Site:
    """A shard on this machine, from start() to stop().

    Args:
        plan: what and where.
        environ: variables that services see, where the plan does not say otherwise.
        tell: is told a line for each thing that happens.
    """

    def __init__(
        self,
        plan: Plan,
        environ: Mapping[str, str] = os.environ,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._environ = {k: v for k, v in environ.items() if k.startswith("OMEGA_")}
        self._tell = tell
        self._stack = ExitStack()
        self.addresses: dict[str, str] = {}
        """Where services listen, by name."""
        self.keepers: list[Keeper] = []
        """What is kept running, in the order in which it was started."""
        self.database_url = plan.database_url
        """Postgres of the shard."""

    def start(self) -> None:
        """Starts everything; returns when all of it serves.

        Raises:
            OmegaError: INVALID_FIELD that names the flag at fault.
            RuntimeError: a service did not start; the text ends with its log.
            OSError: a file cannot be written.
        """
        folder, plan = self._plan.folder, self._plan
        self._stack.enter_context(folder.locked())
        folder.prepare(plan.names)
        folder.logs.mkdir(exist_ok=True)
        self._check_ports()
        if not plan.database_url:
            self._start_postgres()
        pki, ports = folder.pki, plan.ports
        taking = self._start_randomness() if plan.reports else {}
        self._keeper(
            "omega-constellation",
            ports.constellation,
            {
                "OMEGA_CONSTELLATION_DATABASE_URL": self.database_url,
                "OMEGA_CONSTELLATION_DEVICE_CA_CERTIFICATE": str(pki / "device-ca.pem"),
                "OMEGA_CONSTELLATION_DEVICE_CA_KEY": str(pki / "device-ca.key"),
                **taking,
            },
        ).start()
        target = self.addresses["omega-constellation"]
        together = [
            self._keeper(
                "omega-sync",
                ports.sync,
                {
                    "OMEGA_SYNC_CONSTELLATION_TARGET": target,
                    "OMEGA_SYNC_TOKEN_KEYS": str(folder.token_keys),
                    "OMEGA_SYNC_ENROLMENT_KEY_FILE": str(folder.enrolment_key),
                    "OMEGA_SYNC_TLS_CERTIFICATE": str(pki / "server.pem"),
                    "OMEGA_SYNC_TLS_KEY": str(pki / "server.key"),
                    "OMEGA_SYNC_DEVICE_CA": str(pki / "device-ca.pem"),
                    "OMEGA_SYNC_MTLS_LISTEN": f"{plan.host}:{ports.mtls}",
                },
                host=plan.host,
                tls=ClientTls(folder.server_ca),
            ),
            self._keeper(
                "omega-federation-worker",
                ports.federation,
                {"OMEGA_FEDERATION_DATABASE_URL": self.database_url},
            ),
            self._keeper(
                "omega-console",
                ports.console,
                {
                    "OMEGA_CONSOLE_CONSTELLATION_TARGET": target,
                    "OMEGA_CONSOLE_JWKS": str(folder.operators),
                    "OMEGA_CONSOLE_ISSUER": ISSUER,
                    "OMEGA_CONSOLE_ENCODER": "auto",
                },
                grpc=False,
            ),
        ]
        # Each takes seconds to load, and none of them needs another.
        with ThreadPoolExecutor(len(together)) as pool:
            for started in [pool.submit(keeper.start) for keeper in together]:
                started.result()
        if plan.reports:
            gateway = self._local("omega-sync")
            self._party(
                "omega-relay",
                ports.relay,
                {
                    "OMEGA_RELAY_GATEWAY_TARGET": gateway,
                    "OMEGA_RELAY_GATEWAY_TLS_CA": str(folder.server_ca),
                },
            ).start()
        folder.profile.write_text(f'target = "{target}"\n', "utf-8")

    def stop(self) -> None:
        """Stops everything, the last first. May be called twice."""
        self._stack.close()

    def _start_postgres(self) -> None:
        folder = self._plan.folder.postgres
        fresh = not folder.exists()
        cluster = _patiently(lambda: EmbeddedPostgres(folder))
        self._stack.callback(cluster.stop)
        if not _has_database(cluster.url):
            cluster.create_database(DATABASE)
        if fresh:
            # A cluster is made without syncing, which is right for tests; this one is to last.
            os.sync()
        self.database_url = cluster.database_url(DATABASE)
        keeper = Keeper("postgres", _Cluster(cluster).begin, self._tell)
        self._stack.callback(keeper.stop)
        keeper.start()
        self.keepers.append(keeper)

    def _start_randomness(self) -> dict[str, str]:
        """The other party's server; returns what the constellation has to know of it."""
        folder = self._plan.folder
        folder.prepare_reports()
        storage = {"OMEGA_RANDOMNESS_STORAGE_PATH": str(folder.randomness)}
        self._party("omega-randomness", self._plan.ports.randomness, storage).start()
        return {
            "OMEGA_CONSTELLATION_THRESHOLD_SECRET_FILE": str(folder.threshold_secret),
            "OMEGA_CONSTELLATION_RANDOMNESS_TARGET": self._local("omega-randomness"),
            "OMEGA_CONSTELLATION_RANDOMNESS_TLS_CA": str(folder.server_ca),
        }

    def _local(self, script: str) -> str:
        """How a service of this machine calls one that TVs call: as its certificate names it."""
        host, _, port = self.addresses[script].rpartition(":")
        return f"{host if self._plan.host in self._plan.names else 'localhost'}:{port}"

    def _party(self, script: str, port: int, settings: Mapping[str, str]) -> Keeper:
        """Keeps a service that TVs call, which in a fleet another party runs."""
        prefix, pki = f"OMEGA_{script.split('-')[1].upper()}_", self._plan.folder.pki
        tls = {
            f"{prefix}TLS_CERTIFICATE": str(pki / "server.pem"),
            f"{prefix}TLS_KEY": str(pki / "server.key"),
        }
        trusted = ClientTls(self._plan.folder.server_ca)
        return self._keeper(script, port, {**settings, **tls}, host=self._plan.host, tls=trusted)

    def _keeper(
        self,
        script: str,
        port: int,
        settings: Mapping[str, str],
        *,
        host: str = LOOPBACK,
        tls: ClientTls | None = None,
        grpc: bool = True,
    ) -> Keeper:
        """Keeps a service where it listened first; `grpc` tells its health."""
        prefix = f"OMEGA_{script.split('-')[1].upper()}_"
        environ = {**self._environ, **settings}
        listen = {f"{prefix}LISTEN": f"{host}:{port}"}

        def begin() -> ServiceProcess:
            _turn_over(self._plan.folder.logs / f"{script}.log")
            started = ServiceProcess(
                [script],
                {**environ, **listen},
                directory=self._plan.folder.logs,
                serving=grpc and script not in self.addresses,
                tls=tls,
            )
            for name, address in {"listen": started.address, **started.addresses}.items():
                shared = name == "metrics_listen"
                listen[METRICS_LISTEN if shared else f"{prefix}{name.upper()}"] = address
            self.addresses[script] = started.address
            self.addresses |= {f"{script} {n}": each for n, each in started.addresses.items()}
            return started

        keeper = Keeper(script, begin, self._tell)
        self._stack.callback(keeper.stop)
        self.keepers.append(keeper)
        return keeper

    def _check_ports(self) -> None:
        """Waits for what a killed predecessor still holds."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for name, port in self._plan.open_ports().items():
            host = self._plan.host if self._plan.called(name) else LOOPBACK
            while not _free(host, port):
                if time.monotonic() > deadline:
                    raise invalid(f"--{name}-port", f"free; something else listens on {port}")
                time.sleep(0.1)


class _Cluster:
    """The database, as a keeper takes it."""

    def __init__(self, cluster: EmbeddedPostgres) -> None:
        self._cluster = cluster

    @property
    def pid(self) -> int:
        return self._cluster.pid

    def begin(self) -> _Cluster:
        if not self._cluster.running():
            self._cluster.restart()
        return self

    def running(self) -> bool:
        return self._cluster.running()

    def close(self) -> None:
        """Leaves it to the next begin, or to the end of the site."""


def _patiently(begin: Callable[[], EmbeddedPostgres]) -> EmbeddedPostgres:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return begin()
        except RuntimeError as error:
            if _OWNER not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _has_database(url: str) -> bool:
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
        return found.fetchone() is not None


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return False
    return True


def _turn_over(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
