"""Large versioned bodies: catalogue packs, factors and codebooks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import LiteralString

from psycopg import sql
from psycopg.rows import class_row

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_store.pool import Connection
from omega_store.rows import only

KEEP = 3
"""Versions of a kind that are kept, so that a TV can finish a transfer that it began."""

_INFO = sql.SQL("kind, version, size, sha256, model_version")
_NEWEST = sql.SQL("SELECT DISTINCT ON (kind) {} FROM resources ORDER BY kind, version DESC")
_FOLLOWING: LiteralString = (
    "SELECT 1 + greatest("
    " (SELECT coalesce(max(version), 0) FROM resources WHERE kind = %(kind)s),"
    " (SELECT coalesce(max(version), 0) FROM withdrawn_resources WHERE kind = %(kind)s))"
)
# Counted, not reckoned: after a shard was put back from a backup, versions have a gap.
_FORGET: LiteralString = (
    "DELETE FROM resources WHERE kind = %(kind)s AND version NOT IN ("
    " SELECT version FROM resources WHERE kind = %(kind)s ORDER BY version DESC LIMIT %(keep)s)"
)
_ONE = sql.SQL("SELECT {} FROM resources WHERE (kind, version) = (%s, %s)")


class ResourceKind(IntEnum):
    """What a resource is; values as in omega.common.v1.ResourceKind."""

    CATALOGUE = 1
    FACTORS = 2
    CODEBOOK = 3


@dataclass(frozen=True)
class ResourceInfo:
    """One version of a resource."""

    kind: int
    """A ResourceKind."""
    version: int
    """From 1, one higher each time."""
    size: int
    """Bytes of the body, 1 to 67,108,864."""
    sha256: bytes
    """SHA-256 of the body, 32 bytes."""
    model_version: str
    """Encoder that the body rests on."""


def codebook_id(sha256: bytes) -> int:
    """The id that a codebook's body has, by its SHA-256: the first 4 bytes, little-endian."""
    return int.from_bytes(sha256[:4], "little")


def newest(conn: Connection) -> Mapping[int, ResourceInfo]:
    """The newest version of each kind that has one."""
    with conn.cursor(row_factory=class_row(ResourceInfo)) as cursor:
        cursor.execute(_NEWEST.format(_INFO))
        return {info.kind: info for info in cursor}


def newest_version(conn: Connection, kind: int) -> int:
    """The newest version of a kind that is given out; 0 = none."""
    result = conn.execute(
        "SELECT coalesce(max(version), 0) FROM resources WHERE kind = %s", (kind,)
    )
    return int(only(result.fetchone())[0])


def following_version(conn: Connection, kind: int) -> int:
    """The version that a kind is published under next: no version is ever given twice."""
    result = conn.execute(_FOLLOWING, {"kind": kind})
    return int(only(result.fetchone())[0])


def info(conn: Connection, kind: int, version: int) -> ResourceInfo:
    """One version.

    Raises:
        OmegaError: UNKNOWN_RESOURCE when it is not kept.
    """
    with conn.cursor(row_factory=class_row(ResourceInfo)) as cursor:
        cursor.execute(_ONE.format(_INFO), (kind, version))
        found = cursor.fetchone()
    if found is None:
        raise OmegaError(ErrorCode.UNKNOWN_RESOURCE, detail=f"kind {kind} version {version}")
    return found


def read(conn: Connection, kind: int, version: int, offset: int, length: int) -> bytes:
    """Bytes [offset, offset + length) of a body; shorter at its end, empty beyond it.

    Raises:
        OmegaError: UNKNOWN_RESOURCE when the version is not kept.
    """
    row = conn.execute(
        "SELECT substring(body FROM %s FOR %s) FROM resources WHERE (kind, version) = (%s, %s)",
        (offset + 1, length, kind, version),
        binary=True,
    ).fetchone()
    if row is None:
        raise OmegaError(ErrorCode.UNKNOWN_RESOURCE, detail=f"kind {kind} version {version}")
    return bytes(row[0])


def newest_codebook(conn: Connection, codebook_id: int) -> bytes | None:
    """The body of the newest kept codebook of this id; None = none is kept."""
    row = conn.execute(
        "SELECT body FROM resources WHERE kind = %s AND substring(sha256 FROM 1 FOR 4) = %b"
        " ORDER BY version DESC LIMIT 1",
        (ResourceKind.CODEBOOK, codebook_id.to_bytes(4, "little")),
        binary=True,
    ).fetchone()
    return bytes(row[0]) if row else None


def publish(
    conn: Connection,
    kind: int,
    version: int,
    *,
    model_version: str,
    body: bytes,
    now: datetime,
) -> ResourceInfo:
    """Stores a new version and forgets all but the newest KEEP of its kind.

    Args:
        conn: the transaction that publishes.
        kind: a ResourceKind.
        version: following_version(); a body states its own version, so the caller chose it first.
        model_version: encoder that the body rests on.
        body: 1 to 67,108,864 bytes.
        now: the present instant.

    Raises:
        OmegaError: ROUND_CONFLICT when the version is not the successor of the newest.
        ValueError: when the body breaks its bounds.
    """
    if not 1 <= len(body) <= limits.MAX_RESOURCE:
        raise ValueError(f"a body of {len(body):,} bytes; at most {limits.MAX_RESOURCE:,}")
    if version != following_version(conn, kind):
        raise OmegaError(ErrorCode.ROUND_CONFLICT, detail=f"kind {kind} is past {version - 1}")
    sha256 = hashlib.sha256(body).digest()
    conn.execute(
        "INSERT INTO resources (kind, version, model_version, sha256, size, body, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %b, %s)",
        (kind, version, model_version, sha256, len(body), body, now),
    )
    conn.execute(_FORGET, {"kind": kind, "keep": KEEP})
    return ResourceInfo(kind, version, len(body), sha256, model_version)


def withdraw(conn: Connection, kind: int) -> None:
    """Gives no version of a kind out any more; later ones are numbered on from here."""
    version = following_version(conn, kind) - 1
    if version:
        conn.execute(
            "INSERT INTO withdrawn_resources (kind, version) VALUES (%s, %s)"
            " ON CONFLICT (kind) DO UPDATE SET version = EXCLUDED.version",
            (kind, version),
        )
    conn.execute("DELETE FROM resources WHERE kind = %s", (kind,))


def keep_newest(conn: Connection, kind: int, *, least: int = 0) -> None:
    """Forgets all but the newest version of a kind and the one before it, and all below `least`."""
    conn.execute(
        "DELETE FROM resources WHERE kind = %(kind)s AND (version < %(least)s OR version NOT IN ("
        "  SELECT version FROM resources WHERE kind = %(kind)s ORDER BY version DESC LIMIT 2"
        "))",
        {"kind": kind, "least": least},
    )
