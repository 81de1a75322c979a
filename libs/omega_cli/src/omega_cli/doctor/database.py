"""The shard's Postgres: whether it is there, of use, safe, and has room."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from omega_cli.doctor.findings import Finding, fault, ok, warning
from omega_cli.doctor.servers import check_clock
from omega_core.errors import OmegaError
from omega_store import MigrationError, dialect, pending

CHECK = "database"
OLDEST = 16
"""Oldest release of Postgres that is tested."""
LEAST_FREE = 0.1
"""Share of connections and of the disk that is to be free."""
DURABLE = {"fsync": "on", "full_page_writes": "on"}
"""Settings without which a power cut loses what was acknowledged."""
_SECONDS = 5


def check_database(url: str) -> Iterator[Finding]:
    """Looks at a database by its URL."""
    try:
        with psycopg.connect(url, connect_timeout=_SECONDS, autocommit=True) as conn:
            conn.execute("SET statement_timeout = 5000")
            yield ok(CHECK, f"it answers: Postgres {conn.info.server_version // 10_000}")
            yield from _release(conn)
            yield from _durability(conn)
            yield from _room(conn)
            yield from _clock(conn)
    except psycopg.Error as error:
        said = str(error).strip().replace("\n", " ")
        yield fault(CHECK, f"it does not answer: {said}", "check the URL, the server, the network")
        return
    yield from _migrations(url)


def _migrations(url: str) -> Iterator[Finding]:
    try:
        missing = pending(url)
    except (OmegaError, MigrationError) as error:
        yield fault(CHECK, f"its schema is not ours: {error}", "restore it, or name another one")
        return
    if missing:
        what = f"migrations are missing: {', '.join(missing)}"
        yield fault(CHECK, what, "run omega-constellation --migrate-only")
    else:
        yield ok(CHECK, "no migration is missing")


def _release(conn: psycopg.Connection) -> Iterator[Finding]:
    release = conn.info.server_version // 10_000
    if release < OLDEST:
        yield fault(CHECK, f"Postgres {release} is too old", f"use {OLDEST} or newer")
    found = _one(
        conn,
        "SELECT a.default_version, e.extversion FROM pg_available_extensions a"
        " LEFT JOIN pg_extension e ON e.extname = a.name WHERE a.name = %s",
        dialect.EXTENSION,
    )
    if found is None:
        what = f"the extension {dialect.EXTENSION} is not there"
        yield fault(CHECK, what, "install pgvector on its server")
    elif found[1] is None:
        what = f"the extension {dialect.EXTENSION} is not created yet"
        yield warning(CHECK, what, "run omega-constellation --migrate-only")
    else:
        yield ok(CHECK, f"the extension {dialect.EXTENSION} is there, {found[1]}")


def _durability(conn: psycopg.Connection) -> Iterator[Finding]:
    for name, wanted in DURABLE.items():
        value = str(_value(conn, "SELECT current_setting(%s)", name))
        if value != wanted:
            what = f"{name} is {value}: a power cut loses what was acknowledged"
            yield fault(CHECK, what, f"ALTER SYSTEM SET {name} = {wanted}; restart")
    value = str(_value(conn, "SELECT current_setting(%s)", "synchronous_commit"))
    if value in {"off", "local"}:
        level = fault if value == "off" else warning
        what = f"synchronous_commit is {value}: a commit is answered before it is safe everywhere"
        yield level(CHECK, what, "ALTER SYSTEM SET synchronous_commit = on")
    else:
        yield ok(CHECK, "what it acknowledges is on its disk")


def _room(conn: psycopg.Connection) -> Iterator[Finding]:
    most = int(str(_value(conn, "SELECT current_setting(%s)", "max_connections")))
    used = int(str(_value(conn, "SELECT count(*) FROM pg_stat_activity WHERE pid > %s", 0)))
    told = f"{used} of {most} connections are used"
    if most - used < LEAST_FREE * most:
        yield warning(CHECK, told, "raise max_connections, lower ..._POOL_SIZE, or use PgBouncer")
    else:
        yield ok(CHECK, told)
    allowed = _one(conn, "SELECT pg_has_role('pg_read_all_settings', %s)", "USAGE")
    if not (allowed and allowed[0]):
        return
    folder = Path(str(_value(conn, "SELECT current_setting(%s)", "data_directory")))
    # Only where the database is on this machine.
    if folder.is_dir():
        disk = shutil.disk_usage(folder)
        told = f"{disk.free / disk.total:.0%} of its disk are free"
        if disk.free < LEAST_FREE * disk.total:
            yield warning(CHECK, told, "make room, or shorten what is kept")
        else:
            yield ok(CHECK, told)


def _clock(conn: psycopg.Connection) -> Iterator[Finding]:
    begun = datetime.now(UTC)
    said = _value(conn, "SELECT clock_timestamp() + %s", timedelta())
    if isinstance(said, datetime):
        yield from check_clock("the database", said, begun, datetime.now(UTC))


def _one(conn: psycopg.Connection, statement: str, value: object) -> tuple[object, ...] | None:
    return conn.execute(statement.encode(), (value,)).fetchone()


def _value(conn: psycopg.Connection, statement: str, value: object) -> object:
    row = _one(conn, statement, value)
    return row[0] if row else None
