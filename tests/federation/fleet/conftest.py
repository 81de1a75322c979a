"""A fleet of three shards in one cluster, beside one shard that holds all of its devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_core.config import load
from omega_federation_worker.app import build
from omega_federation_worker.config import PREFIX, FederationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store
from omega_store.rounds import Round, RoundStatus, listed, request
from omega_testing.one_result import copy_device
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_testing.tastes import TasteWorld

NAMES = ("a", "b", "c")
HOME = "a"
REGIONS = {"a": "eu", "b": "eu", "c": "us"}
LEARNING = {"SIGMA": str(SIGMA), "LAM": "5", "RANK": "16", "PERIOD_SECONDS": "0"}
_PATIENCE = 50.0


@dataclass
class FleetOfThree:
    """Databases of a fleet, and of a shard that has all of its devices."""

    whole: Store
    """One shard with every device."""
    shards: dict[str, Store]
    """The shards, home among them, by name."""
    file: Path
    """Names them, for the worker."""
    world: TasteWorld
    """Titles that the households like."""

    @property
    def home(self) -> Store:
        """The home shard."""
        return self.shards[HOME]

    def add(self, number: int, *, region: str, at: datetime) -> list[str]:
        """Adds households to both, every third to each shard."""
        ids = TasteShard(self.whole, self.world).add_households(number, region=region, at=at)
        for n, device_id in enumerate(ids):
            self.move(device_id, NAMES[n % 3])
        return ids

    def push(self, device_id: str, titles: list[int], *, seed: int, at: datetime) -> None:
        """A push of a household, in both."""
        for store in (self.whole, *self.shards.values()):
            with store.statements() as conn:
                known = conn.execute(
                    "SELECT 1 FROM devices WHERE device_id = %s", (device_id,)
                ).fetchone()
            if known:
                TasteShard(store, self.world).push(device_id, titles, seed=seed, at=at)

    def move(self, device_id: str, name: str) -> None:
        """Copies a device of the whole into a shard."""
        copy_device(self.whole, self.shards[name], device_id)

    def environ(self, **more: str) -> dict[str, str]:
        """Settings of a worker of the fleet."""
        apart = {"SUMS_SECONDS": "0", "REGIONS_SECONDS": "0"}
        fleet = {"SHARDS_FILE": str(self.file), "LISTEN": "127.0.0.1:0"}
        given = {**LEARNING, **fleet, **apart, **more}
        return {f"OMEGA_FEDERATION_{name}": value for name, value in given.items()}

    def alone(self, **more: str) -> dict[str, str]:
        """Settings of a worker of the one shard that has everything."""
        given = {**LEARNING, "DATABASE_URL": self.whole.url, "LISTEN": "127.0.0.1:0", **more}
        return {f"OMEGA_FEDERATION_{name}": value for name, value in given.items()}


@pytest.fixture
def three(
    postgres: EmbeddedPostgres, template_database: str, world: TasteWorld, tmp_path: Path
) -> Iterator[FleetOfThree]:
    """Three shards with 36 households, and one with all of them; catalogues at home and there."""
    with ExitStack() as stack:
        stores = {}
        for name in ("whole", *NAMES):
            database = f"{name}_{uuid.uuid4().hex}"
            url = postgres.create_database(database, template_database)
            stack.callback(postgres.drop_database, database)
            stores[name] = stack.enter_context(Store.connect(url))
        file = tmp_path / "shards.json"
        entries = [
            {"name": name, "region": REGIONS[name], "database_url": stores[name].url}
            for name in NAMES
        ]
        file.write_text(json.dumps({"home": HOME, "shards": entries}), "utf-8")
        made = FleetOfThree(stores.pop("whole"), stores, file, world)
        for store in (made.whole, made.home):
            TasteShard(store, world).publish_catalogue()
        long_ago = datetime.now(UTC) - timedelta(days=40)
        made.add(21, region="north", at=long_ago)
        made.add(15, region="south", at=long_ago)
        yield made


def ask(store: Store, *, refresh: bool = False) -> str:
    """Asks for a round; returns its request_id."""
    request_id = str(uuid.uuid4())
    with store.transaction() as conn:
        request(conn, request_id, datetime.now(UTC), refresh=refresh)
    return request_id


def newest(store: Store) -> Round:
    """The record of the newest round."""
    with store.statements() as conn:
        [found], _ = listed(conn, 1)
    return found


def await_true(condition: Callable[[], bool], what: str) -> None:
    """Waits for something; fails loudly when it never comes."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.02)


def await_round(store: Store) -> Round:
    """The newest round once it has ended."""
    ended = {RoundStatus.SUCCEEDED, RoundStatus.FAILED}
    await_true(lambda: newest(store).status in ended, "the end of a round")
    return newest(store)


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[None]:
    """A worker in this process: it begins in a fraction of the time, and cannot be killed."""
    server = load(ServerConfig, PREFIX, environ)
    application = build(load(FederationConfig, PREFIX, environ), server)
    try:
        application.server.start()
        application.started()
        yield
    finally:
        application.server.stop()
        application.close()


def run(store: Store, environ: dict[str, str], *, refresh: bool = False) -> Round:
    """Runs one round by a worker of its own."""
    with worker(environ):
        ask(store, refresh=refresh)
        return await_round(store)


@contextmanager
def program(flag: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The worker's program with a flag; killed at the end if it runs on."""
    command = str(Path(sys.prefix) / "bin" / "omega-federation-worker")
    with subprocess.Popen(
        [command, flag],
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()
