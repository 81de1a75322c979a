"""Constellations on sockets of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from omega_client import ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_rpc.config import ServerConfig
from omega_testing.postgres import EmbeddedPostgres


@contextmanager
def serving(url: str, **settings: Any) -> Iterator[str]:
    """Runs a constellation in this process; gives its address."""
    config = ConstellationConfig(database_url=url, **settings)
    application = build(config, ServerConfig(listen="127.0.0.1:0"))
    try:
        yield application.server.start()
    finally:
        application.server.stop()
        application.close()


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """Where a constellation listens that has a fresh database."""
    with serving(database_url) as listening:
        yield listening


@pytest.fixture
def client(address: str) -> Iterator[ConstellationClient]:
    """A client of it."""
    with ConstellationClient(address) as opened:
        yield opened


@pytest.fixture
def client_of_full_disk(
    postgres: EmbeddedPostgres, template_database: str
) -> Iterator[ConstellationClient]:
    """A client of a constellation whose Postgres says that its disk is full at every push."""
    url = postgres.create_database("full", template_database)
    with psycopg.connect(url) as conn:
        conn.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RAISE disk_full; END'"
        )
        conn.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON pushes"
            " FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
    with serving(url) as listening, ConstellationClient(listening) as opened:
        yield opened
    postgres.drop_database("full")


@pytest.fixture(scope="session")
def shared_address(postgres: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """Where a constellation listens that tests share: for calls that store nothing."""
    with serving(postgres.create_database("shared", template_database)) as listening:
        yield listening


@pytest.fixture(scope="session")
def shared_client(shared_address: str) -> Iterator[ConstellationClient]:
    """A client of it."""
    with ConstellationClient(shared_address) as opened:
        yield opened


@pytest.fixture(scope="module")
def address_without_database() -> Iterator[str]:
    """Where a constellation listens whose database is not there.

    No longer than a module needs it: it looks for its database all the time, by chance.
    """
    url = "postgresql://postgres@127.0.0.1:1/postgres"
    with serving(url, acquire_seconds=0.1) as listening:
        yield listening
