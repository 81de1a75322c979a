"""Numbered, forward-only migrations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from psycopg import sql

from omega_store import dialect
from omega_store.errors import translated
from omega_store.locks import MIGRATION_LOCK
from omega_store.pool import Connection

_CONNECT_SECONDS = 5
_LOCK_WAIT = "60s"


class MigrationError(Exception):
    """A migration that was applied differs from the file of the same number."""


@dataclass(frozen=True)
class Migration:
    """One file of migrations/."""

    number: int
    """From 1, without gaps."""
    name: str
    """File name without its ending, "0001_shard"."""
    text: str
    """Its statements, placeholders unfilled."""

    @property
    def sha256(self) -> str:
        """Hexadecimal checksum of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Every migration of this package in order."""
    found = sorted(
        (f for f in files("omega_store").joinpath("migrations").iterdir() if f.name[0].isdigit()),
        key=lambda f: f.name,
    )
    return tuple(
        Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in found
    )


def migrate(url: str) -> tuple[str, ...]:
    """Applies what is missing, each migration in its own transaction; returns their names.

    Safe to call from several processes at once, also through a proxy that pools transactions: each
    migration is applied by one of them while the others wait.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
        MigrationError: an applied migration differs from its file.
    """
    applied = []
    with _connected(url) as conn:
        while (migration := _apply_next(conn)) is not None:
            applied.append(migration.name)
    return tuple(applied)


def _apply_next(conn: Connection) -> Migration | None:
    """Applies the first that is missing, in a transaction that no other migrator works beside."""
    with conn.transaction():
        conn.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_LOCK_WAIT))
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        # Asked for first: where it is there already, no right to create it is needed.
        if not conn.execute(
            "SELECT 1 FROM pg_extension WHERE extname = %s", (dialect.EXTENSION,)
        ).fetchone():
            conn.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(dialect.EXTENSION)))
        if conn.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,):
            conn.execute(
                "CREATE TABLE schema_migrations ("
                " number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
                " applied_at timestamptz NOT NULL DEFAULT now())"
            )
        missing = _missing(conn)
        if not missing:
            return None
        conn.execute(dialect.render(missing[0].text).encode())
        conn.execute(
            "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
            (missing[0].number, missing[0].name, missing[0].sha256),
        )
        return missing[0]


def pending(url: str) -> tuple[str, ...]:
    """Names of the migrations that the database lacks. A newer database lacks none.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
        MigrationError: an applied migration differs from its file.
    """
    with _connected(url) as conn:
        return pending_on(conn)


def pending_on(conn: Connection) -> tuple[str, ...]:
    """pending() on an open connection."""
    if conn.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,):
        return tuple(m.name for m in migrations())
    return tuple(m.name for m in _missing(conn))


def _missing(conn: Connection) -> list[Migration]:
    rows = conn.execute("SELECT number, sha256 FROM schema_migrations").fetchall()
    applied: dict[int, str] = dict(rows)
    for migration in migrations():
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise MigrationError(f"{migration.name} differs from what was applied")
    return [m for m in migrations() if m.number not in applied]


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    with (
        translated(),
        # Nothing is prepared: the URL may lead to a proxy that pools transactions.
        psycopg.connect(
            url, autocommit=True, connect_timeout=_CONNECT_SECONDS, prepare_threshold=None
        ) as conn,
    ):
        yield conn
