"""A federation worker on a socket, before a shard whose households have known tastes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omega_client import FederationClient
from omega_federation_worker.app import build
from omega_federation_worker.config import FederationConfig
from omega_rpc.config import ServerConfig
from omega_store import Store
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
    config = FederationConfig(
        database_url=database_url, period_seconds=0, sigma=SIGMA, lam=5, rank=16
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
