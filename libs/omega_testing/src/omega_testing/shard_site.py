"""A fleet of shards on this machine: real services, each shard on a database of its own."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import psycopg

from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_client import AdminClient, ConstellationClient, ServiceError, SyncClient
from omega_core.closing import Closing
from omega_core.directory import Directory, ShardEntry
from omega_rpc import directories
from omega_rpc.channel import connect
from omega_rpc.tokens import new_key_line
from omega_testing.probe import await_health
from omega_testing.processes import ServiceProcess, free_port
from omega_testing.site import Device, enrolled

FLEET = "fleet"
"""What credentials name."""
MODEL = "lexical-384-r1"
_PAUSE = 0.05
_PATIENCE = 600


class Running(Protocol):
    """A service that was started."""

    address: str
    """Where it listens."""

    def kill(self) -> None:
        """Ends it at once."""
        ...

    def close(self) -> None:
        """Ends it. May be called twice."""
        ...


Start = Callable[[str, Mapping[str, str], Path], Running]
"""Starts a console script with these variables and a folder for its log."""


def process(script: str, environ: Mapping[str, str], folder: Path) -> Running:
    """A service as a process of its own."""
    return ServiceProcess([script], environ, directory=folder)


class SiteShard:
    """One shard: its database and its constellation, which may be killed and begun again.

    Args:
        start: starts the constellation.
        name: in the directory.
        database_url: migrated or not.
        folder: of its log.
        region: in the directory.
        environ: more settings.
    """

    def __init__(
        self,
        start: Start,
        name: str,
        database_url: str,
        folder: Path,
        region: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._start = start
        self.name = name
        self.database_url = database_url
        self.target = f"127.0.0.1:{free_port()}"
        self.entry = ShardEntry(name, self.target, region)
        self._folder = folder / name
        self._environ = environ or {}
        self.process = self._begin()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.close()

    def restart(self) -> None:
        """Begins again at the same address, killed or not."""
        self.process.close()
        self.process = self._begin()

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What its database says."""
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            return conn.execute(statement.encode()).fetchall()

    def client(self) -> ConstellationClient:
        """Of its ConstellationService; close it."""
        return ConstellationClient(self.target)

    def admin(self) -> AdminClient:
        """Of its AdminService; close it."""
        return AdminClient(self.target)

    def publish(self, directory: Directory) -> None:
        """Has it hold a directory."""
        with self.admin() as admin:
            admin.publish_directory(directories.to_proto(directory))

    def leaving(self) -> int:
        """Devices that the directory gives to others, and that are still here."""
        with self.admin() as admin:
            return admin.get_shard_stats().leaving_devices

    def close(self) -> None:
        """Stops it."""
        self.process.close()

    def _begin(self) -> Running:
        return self._start(
            "omega-constellation",
            {
                "OMEGA_CONSTELLATION_DATABASE_URL": self.database_url,
                "OMEGA_CONSTELLATION_LISTEN": self.target,
                "OMEGA_CONSTELLATION_SHARD": self.name,
                "OMEGA_CONSTELLATION_FLEET": FLEET,
                "OMEGA_CONSTELLATION_MOVE_SECONDS": "0.1",
                "OMEGA_CONSTELLATION_GRACE_SECONDS": "1",
                "OMEGA_CONSTELLATION_DRAIN_SECONDS": "0",
                **self._environ,
            },
            self._folder,
        )


class ShardSite(Closing):
    """Shards, a directory over them, and gateways; a context manager.

    Args:
        folder: for secrets and logs.
        start: starts services; as processes unless told otherwise.
    """

    def __init__(self, folder: Path, start: Start = process) -> None:
        self._start = start
        self._stack = ExitStack()
        self._folder = folder
        self.shards: dict[str, SiteShard] = {}
        """By name."""
        self.directory = Directory()
        """The one that was published last."""
        self._keys = folder / "token.keys"
        self._keys.write_text(new_key_line())
        self._keys.chmod(0o600)

    def close(self) -> None:
        """Stops everything. May be called twice."""
        self._stack.close()

    def add(
        self,
        name: str,
        database_url: str,
        region: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> SiteShard:
        """One more shard, which no directory names yet."""
        shard = SiteShard(self._start, name, database_url, self._folder, region, environ)
        self._stack.callback(lambda: shard.close())  # noqa: PLW0108 - of the process it has then
        self.shards[name] = shard
        return shard

    def publish(self, entries: Iterable[ShardEntry]) -> Directory:
        """Publishes a directory of these entries at the home shard, the first one, then at all."""
        listed = tuple(entries)
        home = self.directory.home or listed[0].shard
        self.directory = Directory(self.directory.version + 1, home, listed)
        for name in sorted({e.shard for e in listed}, key=lambda name: name != home):
            self.shards[name].publish(self.directory)
        return self.directory

    def publish_all(self, **changed: ShardEntry) -> Directory:
        """Publishes a directory of all shards, with these entries in the place of theirs."""
        by_name = {name: shard.entry for name, shard in self.shards.items()}
        by_name |= {entry.shard: entry for entry in self.directory.shards}
        by_name |= {entry.shard: entry for entry in changed.values()}
        return self.publish(by_name.values())

    def drain(self, name: str) -> Directory:
        """Publishes that a shard takes no more devices."""
        entry = self.directory.find(name)
        if entry is None:
            raise ValueError(name)
        return self.publish_all(drained=replace(entry, active=False))

    def gateway(
        self, contact: str, region: str = "", environ: Mapping[str, str] | None = None
    ) -> Running:
        """A gateway that calls one of the shards first; it has reached it."""
        opened = self._start(
            "omega-sync",
            {
                "OMEGA_SYNC_LISTEN": "127.0.0.1:0",
                "OMEGA_SYNC_CONSTELLATION_TARGET": self.shards[contact].target,
                "OMEGA_SYNC_TOKEN_KEYS": str(self._keys),
                "OMEGA_SYNC_SHARD": FLEET,
                "OMEGA_SYNC_REGION": region,
                "OMEGA_SYNC_POLL_SECONDS": "0.1",
                "OMEGA_SYNC_GRACE_SECONDS": "1",
                "OMEGA_SYNC_DRAIN_SECONDS": "0",
                "OMEGA_SYNC_DEVICE_SYNCS_PER_MINUTE": "1000000",
                "OMEGA_SYNC_DEVICE_SYNC_BURST": "1000000",
                "OMEGA_SYNC_DEVICE_CALLS_PER_MINUTE": "1000000",
                "OMEGA_SYNC_DEVICE_CALL_BURST": "1000000",
                "OMEGA_SYNC_NETWORK_CALLS_PER_MINUTE": "10000000",
                "OMEGA_SYNC_NETWORK_CALL_BURST": "10000000",
                **(environ or {}),
            },
            self._folder / f"gateway-{secrets.token_hex(4)}",
        )
        self._stack.callback(opened.close)
        with connect(opened.address, None, retries=False) as channel:
            await_health(channel, serving=True)
        return opened

    def still(self, seconds: float = 60.0) -> None:
        """Waits until no shard has devices that belong elsewhere.

        Raises:
            TimeoutError: it takes longer.
        """
        deadline = time.monotonic() + seconds
        while left := {n: c for n, s in self.shards.items() if (c := s.leaving())}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"devices that did not move: {left}")
            time.sleep(_PAUSE)

    def devices(self) -> dict[str, list[str]]:
        """The shards that have each device."""
        found: dict[str, list[str]] = {}
        for name, shard in self.shards.items():
            for (device_id,) in shard.rows("SELECT device_id FROM devices"):
                found.setdefault(str(device_id), []).append(name)
        return found

    def pushes(self) -> Counter[tuple[str, str]]:
        """How often each push, by device and request id, is stored over all shards."""
        return Counter(
            (str(device_id), str(request_id))
            for shard in self.shards.values()
            for device_id, request_id in shard.rows("SELECT device_id, request_id FROM pushes")
        )


@dataclass
class Load:
    """TVs that push without end, each request until it is acknowledged; what they hold against it.

    Args:
        address: gives that of a gateway.
        make: what a TV pushes next, given its number.
    """

    address: Callable[[], str]
    """Of a gateway, asked for at each connection."""
    make: Callable[[int], sync_pb.SyncRequest] = lambda _: exchange()
    """What a TV pushes next, given its number."""
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    """Device and request id of each push that was answered."""
    devices: list[Device] = field(default_factory=list)
    """TVs that are registered."""
    failures: Counter[str] = field(default_factory=Counter)
    """Reasons of refused calls."""
    faults: list[str] = field(default_factory=list)
    """What must not happen, a sentence each."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def register(self, number: int) -> None:
        """So many TVs more."""
        with SyncClient(self.address()) as client:
            self.devices += [enrolled(client) for _ in range(number)]

    def start(self, threads: int = 4) -> None:
        """Begins to push."""
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(n, threads), daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends when each TV has its last answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def once(self, sketches: int = 1) -> None:
        """Has every TV push once, until it is acknowledged."""
        with SyncClient(self.address()) as client:
            for device in self.devices:
                self._push(client, device, exchange(sketches))

    def _run(self, first: int, step: int) -> None:
        own = list(enumerate(self.devices))[first::step]
        while not self._stopping.is_set():
            try:
                with SyncClient(self.address()) as client:
                    while not self._stopping.is_set():
                        for number, device in own:
                            self._push(client, device, self.make(number))
            except ConnectionError:
                time.sleep(_PAUSE)

    def _push(self, client: SyncClient, device: Device, request: sync_pb.SyncRequest) -> None:
        """One push until it is acknowledged, and now and then once more, as after a lost answer."""
        tries = 0
        while True:
            tries += 1
            try:
                client.sync(request, credential=device.prover)
            except ServiceError as error:
                self.failures[error.reason or error.status] += 1
                if error.reason in {"UNAUTHENTICATED", "REVOKED"}:
                    self.faults.append(f"{device.device_id}: {error.reason}")
                    return
                time.sleep(_PAUSE)
                if tries == _PATIENCE or error.reason == "":
                    raise ConnectionError from error  # the gateway may be another one by now
            else:
                break
        self.acknowledged.add((device.device_id, request.request_id))
        if secrets.randbelow(8) == 0:
            self._again(client, device, request)

    def _again(self, client: SyncClient, device: Device, request: sync_pb.SyncRequest) -> None:
        try:
            answer = client.sync(request, credential=device.prover)
        except ServiceError as error:
            self.failures[error.reason or error.status] += 1
        else:
            if not answer.duplicate:
                self.faults.append(f"{device.device_id}: {request.request_id} was stored again")


def exchange(sketches: int = 1) -> sync_pb.SyncRequest:
    """A push of sketches that mean nothing."""
    return sync_pb.SyncRequest(
        request_id=str(uuid.uuid4()),
        model_version=MODEL,
        sketches=secrets.token_bytes(48 * sketches),
        classes=bytes(sketches),
    )


def audit(site: ShardSite, load: Load) -> list[str]:
    """What is wrong in the end, a sentence each: something lost, stored twice, or in two places."""
    wrong = list(load.faults)
    stored = site.pushes()
    if lost := [key for key in load.acknowledged if key not in stored]:
        wrong.append(f"{len(lost)} acknowledged pushes are lost, such as {lost[0]}")
    if twice := [key for key, times in stored.items() if times > 1]:
        wrong.append(f"{len(twice)} pushes are stored more than once, such as {twice[0]}")
    places = site.devices()
    for device in load.devices:
        where = places.get(device.device_id, [])
        owner = site.directory.owner(device.device_id)
        if where != [owner]:
            wrong.append(f"{device.device_id} is at {where}, and belongs to {owner}")
    return wrong
