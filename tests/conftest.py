"""Fixtures that every area shares: one Postgres for the run, an empty migrated database a test."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator

# Read when numpy is loaded. The processes of a run share the processors already; a second thread
# of products would only wait for the others. What is started from here does likewise.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import psycopg
import pytest
from psycopg import sql

from omega_store import Store, StoreConfig, migrate
from omega_testing.pgbouncer import PgBouncer
from omega_testing.postgres import EmbeddedPostgres

_TEMPLATE = "migrated"
_REUSED = "reused"
_PROXY = "OMEGA_TEST_PGBOUNCER"
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings of a cluster that nothing is to be read from after a crash of the machine."""


def pytest_configure() -> None:
    """Before anything is imported that starts threads.

    Ctrl-C is taken, so that children take it: a run begun in the background inherits it as
    ignored. gRPC leaves forks alone: what it does in a child with calls in flight breaks programs
    that are started as another user, and nothing here goes on calling after a fork.
    """
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running cluster that does not wait for its disk.

    Shared: a test that kills or fills one starts its own, which does.
    """
    with EmbeddedPostgres(settings=_FORGETFUL) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database that others are copied from; never written to."""
    migrate(postgres.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def _reused_database_url(postgres: EmbeddedPostgres, template_database: str) -> str:
    return postgres.create_database(_REUSED, template_database)


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A fresh database without any schema."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def pgbouncer(postgres: EmbeddedPostgres) -> Iterator[PgBouncer | None]:
    """A proxy that pools transactions, where the run asks for one (`make pgbouncer-proof`)."""
    if not os.environ.get(_PROXY):
        yield None
        return
    with PgBouncer(postgres) as proxy:
        yield proxy


@pytest.fixture
def database_url(_reused_database_url: str, pgbouncer: PgBouncer | None) -> Iterator[str]:
    """A migrated database without rows; the schema is not to be changed.

    Emptied after each test: making and dropping one costs twenty times as much.
    """
    yield pgbouncer.database_url(_REUSED) if pgbouncer else _reused_database_url
    with psycopg.connect(_reused_database_url) as conn:
        _empty(conn)


@pytest.fixture
def store(
    database_url: str, _reused_database_url: str, pgbouncer: PgBouncer | None
) -> Iterator[Store]:
    """An open store on an empty migrated database."""
    config = StoreConfig(transaction_pooling=pgbouncer is not None)
    with Store.connect(database_url, config, _reused_database_url) as opened:
        yield opened


def _empty(conn: psycopg.Connection) -> None:
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    tables = conn.execute(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
    ).fetchall()
    # One question for all of them: a table a time, emptying costs more than many a test.
    holds_rows = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    questions = [holds_rows.format(table, sql.Identifier(table)) for (table,) in tables]
    found = conn.execute(sql.SQL(" UNION ALL ").join(questions)).fetchall()
    filled = [sql.Identifier(table) for (table,) in found]
    if filled:
        conn.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(filled)))
    conn.execute("SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences")
