"""A gateway before a real constellation on a real Postgres, shared by a module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omega_client import ConstellationClient, SyncClient
from omega_constellation.app import build as build_constellation
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_rpc.tokens import TokenKeys, new_key_line
from omega_store import Store
from omega_sync.app import build
from omega_sync.config import SyncConfig
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import running

LOCAL = ServerConfig("127.0.0.1:0", grace_seconds=0)


@pytest.fixture(scope="module")
def module_resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "token.keys"
    path.write_text(new_key_line())
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def keys(key_file: Path) -> TokenKeys:
    return TokenKeys.read("token_keys", key_file)


@pytest.fixture(scope="module")
def shard(postgres: EmbeddedPostgres, template_database: str, module_resources: ExitStack) -> Store:
    """The store behind the gateway."""
    name = f"sync_{id(module_resources)}"
    url = postgres.create_database(name, template_database)
    module_resources.callback(postgres.drop_database, name)
    return module_resources.enter_context(Store.connect(url))


@pytest.fixture(scope="module")
def target(shard: Store, module_resources: ExitStack) -> str:
    """Address of the constellation."""
    application = build_constellation(ConstellationConfig(database_url=shard.url), LOCAL)
    module_resources.callback(application.close)
    return module_resources.enter_context(running(application.server))


@pytest.fixture(scope="module")
def operator(target: str, module_resources: ExitStack) -> ConstellationClient:
    return module_resources.enter_context(ConstellationClient(target))


@pytest.fixture(scope="module")
def tv(target: str, key_file: Path, module_resources: ExitStack) -> SyncClient:
    config = SyncConfig(
        token_keys=key_file,
        constellation_target=target,
        device_syncs_per_minute=1e6,
        device_sync_burst=1_000_000,
    )
    application = build(config, LOCAL)
    module_resources.callback(application.close)
    address = module_resources.enter_context(running(application.server))
    return module_resources.enter_context(SyncClient(address))
