"""Fixtures that every area shares: one Postgres for the run, a fresh migrated database a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from omega_store import Store, migrate
from omega_testing.postgres import EmbeddedPostgres

_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running cluster. Shared: a test that kills or fills one starts its own."""
    with EmbeddedPostgres() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database that others are copied from; never written to."""
    migrate(postgres.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A fresh database without any schema."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.create_database(name, template_database)
    postgres.drop_database(name)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on a fresh migrated database."""
    with Store.connect(database_url) as opened:
        yield opened
