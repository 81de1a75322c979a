"""Fleets of shards, each with a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import omega_constellation.app
import omega_constellation.config
import omega_sync.app
import omega_sync.config
from omega_core.config import load
from omega_rpc.config import ServerConfig
from omega_rpc.service import Application
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.shard_site import ShardSite, SiteShard, Start, process

AddShard = Callable[..., SiteShard]


class Within:
    """A service in this process: it begins in a fraction of the time, and cannot be killed."""

    def __init__(self, application: Application) -> None:
        self._application: Application | None = application
        self.address = application.server.start()
        application.started()

    def kill(self) -> None:
        self.close()

    def close(self) -> None:
        application, self._application = self._application, None
        if application is not None:
            application.server.stop()
            application.close()


def within(script: str, environ: Mapping[str, str], folder: Path) -> Within:
    """Starts a service here."""
    del folder
    if script == "omega-sync":
        prefix = omega_sync.config.PREFIX
        server = load(ServerConfig, prefix, environ)
        sync = load(omega_sync.config.SyncConfig, prefix, environ)
        return Within(omega_sync.app.build(sync, server))
    prefix = omega_constellation.config.PREFIX
    server = load(ServerConfig, prefix, environ)
    shard = load(omega_constellation.config.ConstellationConfig, prefix, environ)
    return Within(omega_constellation.app.build(shard, server))


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Start:
    """How services start: as processes for tests that are marked so by `processes`."""
    return process if "processes" in request.fixturenames else within


@pytest.fixture
def processes() -> None:
    """Asks for real processes, which can be killed."""


@pytest.fixture
def site(tmp_path: Path, start: Start) -> Iterator[ShardSite]:
    """No shard yet."""
    with ShardSite(tmp_path, start) as opened:
        yield opened


@pytest.fixture(scope="session")
def pool() -> list[str]:
    """URLs of databases without rows: making and dropping one costs more than a test."""
    return []


@pytest.fixture
def add(
    pool: list[str], postgres: EmbeddedPostgres, template_database: str, site: ShardSite
) -> Iterator[AddShard]:
    """add(name, region="", environ=None) -> a shard with a database of its own."""
    used: list[str] = []

    def one(name: str, *more: object) -> SiteShard:
        if len(used) == len(pool):
            pool.append(postgres.create_database(f"shard_{len(pool)}", template_database))
        used.append(pool[len(used)])
        return site.add(name, used[-1], *more)  # type: ignore[arg-type]  # handed on

    yield one
    site.close()
    for url in used:
        with psycopg.connect(url) as conn:
            _empty(conn)


def _empty(conn: psycopg.Connection) -> None:
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    tables = conn.execute(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
    conn.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
