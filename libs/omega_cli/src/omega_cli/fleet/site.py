"""The servers of a simulation: Postgres, constellation, gateways and worker, under one clock."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np

from omega_cli.bench import proc
from omega_cli.codebook import newest_catalogue, trained
from omega_client import ConstellationClient, GatewayClient, ServiceError
from omega_core import validate
from omega_core.closing import Starting
from omega_core.content import Content
from omega_core.errors import ErrorCode
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_core.vectors import FloatArray, centre
from omega_delta import CataloguePack
from omega_embed import LexicalEncoder
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import eventually
from omega_testing.processes import ServiceProcess, free_port
from omega_testing.site import write
from omega_titles.importing import import_contents

CONSTELLATION, WORKER, POSTGRES = "constellation", "worker", "Postgres"
"""Names of parts; gateways are "sync 1" and on."""
_MOST = "10000000"
_REACH_SECONDS = 2.0


@dataclass(frozen=True)
class Servers:
    """How the servers are set up, where it is not as by default."""

    gateways: int = 1
    """Processes of omega-sync."""
    round_seconds: int = 3_600
    """Period of rounds, 0 = none."""
    token_hours: int = 24
    """Life of a token: short, so that a day sees renewals."""
    sync_interval: int = 600
    """Seconds that TVs are told to wait, on average."""
    codebook: bool = True
    """Whether news come under a codebook; else as bytes, in pages."""
    call_seconds: float = 10.0
    """Real seconds that a gateway waits for the constellation."""

    def __post_init__(self) -> None:
        validate.integer("gateways", self.gateways, 1, 64)


def parts(servers: Servers) -> tuple[str, ...]:
    """Names of what can be killed."""
    gateways = (f"sync {n + 1}" for n in range(servers.gateways))
    return (CONSTELLATION, *gateways, WORKER, POSTGRES)


class FleetSite(Starting):
    """Real processes on loopback; a context manager. All are stopped at the end.

    Args:
        servers: how many, and how they are set up.
        contents: the titles, which are embedded by spelling and published with a codebook.
        start: the first instant of virtual time.
        say: hears what is being done.
    """

    clock: MovedClock
    """Moves the time of all servers."""
    catalogue: CataloguePack
    """As TVs get it."""

    def __init__(
        self,
        servers: Servers,
        contents: list[Content],
        start: datetime,
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._servers = servers
        self._contents = contents
        self._start_at = start
        self._say = say
        self._running: dict[str, ServiceProcess] = {}
        self._dead: set[str] = set()
        self._used: dict[str, float] = {}
        """Processor time of processes that are gone, by part."""

    @property
    def database_url(self) -> str:
        """The shard's Postgres."""
        return self._postgres.url

    @property
    def gateways(self) -> list[str]:
        """Addresses of the gateways."""
        return [f"127.0.0.1:{port}" for name, port in self._ports.items() if name[:4] == "sync"]

    def embeddings(self) -> FloatArray:
        """Centred unit vectors of the titles, float32 (n, 384), in the order they were given."""
        rows = {c.content_id: row for row, c in enumerate(self.catalogue.contents)}
        order = np.array([rows[c.content_id] for c in self._contents])
        return centre(self.catalogue.embeddings[order], self.catalogue.centring_mean)

    def kill(self, part: str) -> None:
        """SIGKILL to a service or to the postmaster."""
        self._dead.add(part)
        if part == POSTGRES:
            self._postgres.kill()
            return
        process = self._running.pop(part)
        self._used[part] = self._used.get(part, 0.0) + proc.used_seconds(process.pid)
        process.kill()
        process.close()

    def start(self, part: str) -> None:
        """Starts what was killed, where it was; once nothing is dead, waits until all serve.

        And until gateways reach what was started: they dial again within moments of true time, in
        which TVs may live for hours.
        """
        self._dead.discard(part)
        if part == POSTGRES:
            self._postgres.restart()
        else:
            self._running[part] = self._service(part, serving=False)
        if not self._dead:
            for process in self._running.values():
                process.wait_serving()
            for address in self.gateways:
                eventually(partial(_reaches, address), bool, what=f"the shard from {address}")

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time that each part has used since it was first started."""
        found = dict(self._used)
        for part, process in self._running.items():
            found[part] = found.get(part, 0.0) + proc.used_seconds(process.pid)
        if self._postgres_runs():
            found[POSTGRES] = proc.used_seconds(self._postgres.pid)
        return found

    def memory(self) -> dict[str, float]:
        """Resident MB of each part that runs; of Postgres without its shared buffers."""
        found = {part: proc.resident_mb(p.pid) for part, p in self._running.items()}
        if self._postgres_runs():
            found[POSTGRES] = proc.anonymous_mb(self._postgres.pid)
        return found

    def _postgres_runs(self) -> bool:
        try:
            return proc.resident_mb(self._postgres.pid) > 0
        except (OSError, RuntimeError):
            return False

    def _start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="omega-fleet-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.clock = self._stack.enter_context(MovedClock(folder / "clock", self._start_at))
        self._say("starting Postgres")
        self._postgres = self._stack.enter_context(EmbeddedPostgres())
        self._stack.callback(self._stop)
        keys = write(folder / "token.keys", f"fleet:{secrets.token_hex(32)}\n".encode())
        names = parts(self._servers)[:-1]
        self._ports = {name: free_port() for name in names}
        self._environs = {name: self._environ(name, folder, keys) for name in names}
        for name in names[:-1]:
            self._say(f"starting {name}")
            self._running[name] = self._service(name)
        self._publish()
        # Not before there is a catalogue: a round without one is none.
        self._running[WORKER] = self._service(WORKER)

    def _stop(self) -> None:
        for process in self._running.values():
            process.close()

    def _publish(self) -> None:
        address = f"127.0.0.1:{self._ports[CONSTELLATION]}"
        with ConstellationClient(address) as client:
            self._say("publishing titles")
            import_contents(client, LexicalEncoder(), self._contents)
            self.catalogue = newest_catalogue(client)
            if not self._servers.codebook:
                return
            self._say("training the codebook")
            book, _ = trained(self.catalogue)
            client.publish_codebook(book.body)

    def _service(self, name: str, *, serving: bool = True) -> ServiceProcess:
        script = {CONSTELLATION: "omega-constellation", WORKER: "omega-federation-worker"}
        command = [script.get(name, "omega-sync")]
        return ServiceProcess(command, self._environs[name], serving=serving)

    def _environ(self, name: str, folder: Path, keys: Path) -> Mapping[str, str]:
        servers, listen = self._servers, f"127.0.0.1:{self._ports[name]}"
        clock = {VARIABLE: str(folder / "clock")}
        if name == CONSTELLATION:
            return clock | {
                "OMEGA_CONSTELLATION_DATABASE_URL": self._postgres.url,
                "OMEGA_CONSTELLATION_LISTEN": listen,
                "OMEGA_CONSTELLATION_SYNC_INTERVAL_SECONDS": str(servers.sync_interval),
            }
        if name == WORKER:
            return clock | {
                "OMEGA_FEDERATION_DATABASE_URL": self._postgres.url,
                "OMEGA_FEDERATION_LISTEN": listen,
                "OMEGA_FEDERATION_PERIOD_SECONDS": str(servers.round_seconds),
            }
        return clock | {
            "OMEGA_SYNC_LISTEN": listen,
            "OMEGA_SYNC_TOKEN_KEYS": str(keys),
            "OMEGA_SYNC_CONSTELLATION_TARGET": f"127.0.0.1:{self._ports[CONSTELLATION]}",
            "OMEGA_SYNC_TOKEN_HOURS": str(servers.token_hours),
            "OMEGA_SYNC_CALL_TIMEOUT_SECONDS": str(servers.call_seconds),
            # Minutes of virtual time pass in a second.
            "OMEGA_SYNC_POLL_SECONDS": "0.25",
            # A whole fleet calls from one network. What a device may do is as by default.
            "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": _MOST,
            "OMEGA_SYNC_NETWORK_CALL_BURST": _MOST,
            "OMEGA_SYNC_AUDIT_LOG": str(folder / f"{name}.audit"),
        }


def _reaches(gateway: str) -> bool:
    """Whether a gateway reaches its shard now: what its health says may be a second old."""
    with GatewayClient(gateway, timeout=_REACH_SECONDS) as client:
        try:
            client.get_reporting_keys()
        except ServiceError as error:
            return error.reason == ErrorCode.REPORTS_NOT_TAKEN
    return True
