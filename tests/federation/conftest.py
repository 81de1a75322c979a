"""A federation worker on a socket, before a shard whose households have known tastes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from omega_client import FederationClient
from omega_federation_worker.app import build
from omega_federation_worker.config import FederationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store, migrate
from omega_testing.taste_shard import SIGMA, TasteShard
from omega_testing.tastes import TasteWorld, taste_world


@pytest.fixture(scope="session")
def world() -> TasteWorld:
    """Two groups of titles."""
    return taste_world(groups=2, each=15)


@pytest.fixture
def shard(store: Store, world: TasteWorld) -> TasteShard:
    """A fresh shard, still empty."""
    return TasteShard(store, world)


@pytest.fixture
def fleet(shard: TasteShard) -> TasteShard:
    """A shard with a catalogue and 24 households."""
    shard.publish_catalogue()
    shard.add_households(24)
    return shard


@pytest.fixture
def client(database_url: str) -> Iterator[FederationClient]:
    """A client of a worker that runs rounds on request only."""
    with serving(database_url) as opened:
        yield opened


@contextmanager
def serving(url: str, refresh_hours: float = 0) -> Iterator[FederationClient]:
    """A worker each of whose rounds is a refresh, unless told otherwise."""
    config = FederationConfig(
        database_url=url,
        period_seconds=0,
        refresh_hours=refresh_hours,
        sigma=SIGMA,
        lam=5.0,
        rank=16,
    )
    application = build(config, ServerConfig(listen="127.0.0.1:0"))
    try:
        address = application.server.start()
        application.started()
        with FederationClient(address) as opened:
            yield opened
    finally:
        application.server.stop()
        application.close()


@pytest.fixture
def own_store(empty_database_url: str) -> Iterator[Store]:
    """A store on a database of its own, whose schema may be changed."""
    migrate(empty_database_url)
    with Store.connect(empty_database_url) as opened:
        yield opened


@pytest.fixture
def own_client(own_store: Store) -> Iterator[FederationClient]:
    """A client of a worker on that database."""
    with serving(own_store.url) as opened:
        yield opened


def await_blocked(store: Store) -> None:
    """Waits until the worker waits for the test's lock; fails loudly when it never does."""
    deadline = time.monotonic() + 30
    while True:
        with store.statements() as conn:
            blocked = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'omega-federation-worker' AND wait_event_type = 'Lock'"
            ).fetchone()
        if blocked and blocked[0] >= 1:
            return
        assert time.monotonic() < deadline, "the worker never came to the lock"
        time.sleep(0.02)
