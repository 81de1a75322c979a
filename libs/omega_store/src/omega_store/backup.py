"""A shard's database as files: dumped at one instant, checked, and put into an empty database.

A backup is a folder with a dump in Postgres's own form and a manifest that says what it must hold.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from omega_core.errors import invalid
from omega_store import audit, backup_manifest, backup_tools, dialect
from omega_store.backup_manifest import DUMP, FORM, Manifest
from omega_store.errors import translated
from omega_store.migrate import migrate, migrations
from omega_store.pool import Connection

VERSION_GAP = 1_000_000
"""How far behind a restore versions go on: more than a shard gives out after any backup."""
_CONNECT_SECONDS = 5
_LEDGER = "schema_migrations"
# Sketches are noise and do not compress; the rest does at the first level already.
_COMPRESSION = "--compress=1"
_TABLES: LiteralString = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
)
_OCCUPIED: LiteralString = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1"
)
# Steps are encoded anew; a version that was given out after the backup is never given out again.
_FORGET_STEPS: LiteralString = "DELETE FROM coded_states"
_LATER_STATE: LiteralString = (
    "UPDATE states SET version = version + %(gap)s"
    " WHERE version = (SELECT max(version) FROM states)"
)
_LATER_RESOURCES: LiteralString = (
    "INSERT INTO withdrawn_resources (kind, version) SELECT kind, max(version) + %(gap)s FROM"
    " (SELECT kind, version FROM resources UNION ALL SELECT kind, version FROM withdrawn_resources)"
    " AS given GROUP BY kind ON CONFLICT (kind) DO UPDATE SET version = EXCLUDED.version"
)


def create(url: str, folder: Path, *, actor: str = "", pg_bin: Path | None = None) -> Manifest:
    """Backs a shard up into a folder that is made, while it goes on.

    Every table is of the same instant: what was acknowledged before the call is in it. The folder
    is private and has its name only once it is whole and on disk.

    Args:
        url: of the database, not through a proxy that pools transactions.
        folder: absent; of the backup.
        actor: who, for the log of operators' deeds; at most 128 characters.
        pg_bin: folder of pg_dump; None = on PATH.

    Raises:
        OmegaError: INVALID_FIELD for a folder that is there, tools that are missing or too old, or
            a database without the shard's schema, or a URL with a secret that the tools would show;
            STORAGE_UNAVAILABLE.
    """
    backup_tools.check_secrets(url)
    if folder.exists():
        raise invalid("the folder", f"absent: {folder}")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
    partial.mkdir(mode=0o700, parents=True)
    try:
        return _create(url, partial, folder, actor, pg_bin)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _create(url: str, partial: Path, folder: Path, actor: str, pg_bin: Path | None) -> Manifest:
    dump = partial / DUMP
    with translated(), _connected(url) as conn:
        postgres = conn.info.server_version // 10_000
        tools = backup_tools.find(pg_bin, postgres)
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            conn.execute("SET LOCAL statement_timeout = 0")
            (made_at, snapshot) = _row(conn, "SELECT clock_timestamp(), pg_export_snapshot()")
            if _row(conn, "SELECT to_regclass('schema_migrations')") == (None,):
                raise invalid("the database", "a shard's: it has no schema_migrations")
            dump.touch(mode=0o600)
            backup_tools.run(
                tools.dump,
                url,
                [
                    *("--format=custom", _COMPRESSION, "--no-owner", "--no-privileges"),
                    *("--no-comments", f"--snapshot={snapshot}", f"--file={dump}"),
                ],
            )
            schema: dict[str, str] = dict(
                conn.execute("SELECT name, sha256 FROM schema_migrations").fetchall()
            )
            counts = _counts(conn)
            (state,) = _row(conn, "SELECT coalesce(max(version), 0) FROM states")
    size, digest = backup_manifest.digest(dump)
    manifest = Manifest(
        form=FORM,
        made_at=made_at.astimezone(UTC).isoformat(),
        release=version("omega-store"),
        postgres=postgres,
        tools=tools.major,
        dialect=dialect.EXTENSION,
        schema=schema,
        counts=counts,
        state_version=state,
        dump_bytes=size,
        dump_sha256=digest,
    )
    for path in (dump, backup_manifest.write(partial, manifest), partial):
        _sync(path)
    # On a connection of its own: the one that held the snapshot was silent for all of a dump.
    with translated(), _connected(url) as conn:
        audit.note(conn, actor, "CreateBackup", digest, datetime.now(UTC))
    # Last, so that no backup is there whose making is not in the log.
    partial.rename(folder)
    _sync(folder.parent)
    return manifest


def restore(
    folder: Path,
    url: str,
    *,
    actor: str = "",
    pg_bin: Path | None = None,
    keep_versions: bool = False,
) -> Manifest:
    """Puts a backup into an empty database and brings its schema up to date; see docs/backup.md.

    Until the last of it is committed no service takes the database for a shard's. Versions of the
    state and of resources go on VERSION_GAP behind those of the backup, because TVs may hold what
    was given out since.

    Args:
        folder: of the backup.
        url: of an empty database of the same release of Postgres or a later one.
        actor: who, for the log of operators' deeds; at most 128 characters.
        pg_bin: folder of pg_restore; None = on PATH.
        keep_versions: leave no gap: for a shard that copies its versions from a home shard.

    Raises:
        OmegaError: INVALID_FIELD for a backup that is damaged or of a newer release, for a
            database that is not empty or too old, or when what was restored is not what the
            manifest says, and the database is not to be used, or a URL with a secret that the
            tools would show; STORAGE_UNAVAILABLE.
    """
    manifest = backup_manifest.verify(folder)
    _check_schema(manifest)
    backup_tools.check_secrets(url)
    with translated(), _connected(url) as conn:
        postgres = conn.info.server_version // 10_000
        if postgres < manifest.postgres:
            raise invalid("the database", f"of Postgres {manifest.postgres} or later")
        occupied = conn.execute(_OCCUPIED).fetchone()
        if occupied:
            raise invalid("the database", f"empty; it holds {occupied[0]}")
    tools = backup_tools.find(pg_bin, max(postgres, manifest.tools))
    dump = folder / DUMP
    wanted = [
        line
        for line in backup_tools.contents(tools, dump)
        if f"TABLE DATA public {_LEDGER} " not in line
    ]
    backup_tools.run(
        tools.restore,
        url,
        [
            *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"),
            *("--use-list=/dev/stdin", str(dump)),
        ],
        told="\n".join(wanted),
    )
    # Another connection: the one of before would have been silent for hours.
    with translated(), _connected(url) as conn:
        with conn.transaction():
            _finish(conn, manifest, actor, keep_versions=keep_versions)
        conn.execute("ANALYZE")
    migrate(url)
    return manifest


def advance(url: str, *, actor: str = "") -> None:
    """Leaves the gap of restore() in a shard that was put back from a backup in another way.

    No service may run on it meanwhile.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE; INVALID_FIELD when the database is no shard's.
    """
    with translated(), _connected(url) as conn:
        if _row(conn, "SELECT to_regclass('withdrawn_resources')") == (None,):
            raise invalid("the database", "a shard's: it has no withdrawn_resources")
        with conn.transaction():
            leave_gap(conn)
            audit.note(conn, actor, "AdvanceVersions", "", datetime.now(UTC))


def leave_gap(conn: Connection) -> None:
    """Has versions go on VERSION_GAP behind those that are there; call it in a transaction.

    What TVs were given since the backup has numbers below that: none of them is given out again for
    something else, and every TV starts from nothing once.
    """
    conn.execute(_FORGET_STEPS)
    for statement in (_LATER_STATE, _LATER_RESOURCES):
        conn.execute(statement, {"gap": VERSION_GAP})


def _finish(conn: Connection, manifest: Manifest, actor: str, *, keep_versions: bool) -> None:
    """Holds what was restored to the manifest; then it is a shard's."""
    found = _counts(conn)
    wrong = sorted(
        table
        for table in {*found, *manifest.counts} - {_LEDGER}
        if found.get(table) != manifest.counts.get(table)
    )
    if wrong:
        raise invalid("what was restored", f"what the manifest says; rows differ in {wrong[0]}")
    names = {each.name: each.number for each in migrations()}
    for name, digest in manifest.schema.items():
        conn.execute(
            "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
            (names[name], name, digest),
        )
    if not keep_versions:
        leave_gap(conn)
    audit.note(conn, actor, "RestoreBackup", manifest.dump_sha256, datetime.now(UTC))


def _check_schema(manifest: Manifest) -> None:
    ours: Mapping[str, str] = {each.name: each.sha256 for each in migrations()}
    if manifest.dialect != dialect.EXTENSION:
        raise invalid(dialect.VARIABLE, f"that of the backup, which has {manifest.dialect}")
    for name, digest in manifest.schema.items():
        if ours.get(name) != digest:
            raise invalid("the backup", f"of this release or an earlier one; it has {name}")


def _counts(conn: Connection) -> dict[str, int]:
    tables = [str(name) for (name,) in conn.execute(_TABLES).fetchall()]
    count = sql.SQL("SELECT count(*) FROM {}")
    return {t: int(_row(conn, count.format(sql.Identifier(t)))[0]) for t in tables}


def _row(conn: Connection, statement: LiteralString | sql.Composed) -> tuple[Any, ...]:
    row = conn.execute(statement).fetchone()
    if row is None:
        raise ValueError("a statement that gives a row gave none")
    return row


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connected(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
