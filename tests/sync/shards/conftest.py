"""Fleets of shards as processes, each shard with a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from omega_testing.postgres import EmbeddedPostgres
from omega_testing.shard_site import ShardSite, SiteShard

AddShard = Callable[..., SiteShard]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ShardSite]:
    """No shard yet."""
    with ShardSite(tmp_path) as opened:
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
        return site.add(name, used[-1], *more)  # type: ignore[arg-type]

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
