"""The directory of shards that is held: whole, as bytes of its message, by version."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from omega_core.errors import ErrorCode, OmegaError
from omega_store.locks import lock_directory
from omega_store.pool import Connection

KEEP = 32
"""Versions that are kept, the newest."""


@dataclass(frozen=True)
class StoredDirectory:
    """One version."""

    version: int
    """From 1; 0 = none is held."""
    body: bytes = field(repr=False)
    """The serialised message."""


NONE = StoredDirectory(0, b"")
"""What a shard holds that is alone."""


def version(conn: Connection) -> int:
    """The version that is held; 0 = none."""
    row = conn.execute("SELECT coalesce(max(version), 0) FROM directories").fetchone()
    return row[0] if row else 0


def newest(conn: Connection) -> StoredDirectory:
    """The directory that is held, or NONE."""
    row = conn.execute(
        "SELECT version, body FROM directories ORDER BY version DESC LIMIT 1"
    ).fetchone()
    return StoredDirectory(*row) if row else NONE


def publish(
    conn: Connection, directory: StoredDirectory, now: datetime, *, successive: bool
) -> int:
    """Holds a directory from now on; the same one again changes nothing.

    What placed a device by the directory before has committed when this returns
    (locks.share_directory).

    Args:
        conn: the transaction.
        directory: version and body.
        now: stamps it.
        successive: whether its version must follow the one that is held, as at the home shard;
            others may have missed some.

    Returns:
        The version that is held.

    Raises:
        OmegaError: DIRECTORY_CONFLICT with field `directory.version`, whose bound says what it must
            be.
    """
    lock_directory(conn)
    held = newest(conn)
    if held == directory:
        return held.version
    following = held.version + 1
    if held.version and (
        directory.version != following if successive else directory.version < following
    ):
        bound = f"{'' if successive else 'at least '}{following}"
        raise OmegaError(ErrorCode.DIRECTORY_CONFLICT, field="directory.version", bound=bound)
    conn.execute(
        "INSERT INTO directories (version, body, published_at) VALUES (%s, %s, %s)",
        (directory.version, directory.body, now),
    )
    conn.execute(
        "DELETE FROM directories WHERE version NOT IN"
        " (SELECT version FROM directories ORDER BY version DESC LIMIT %s)",
        (KEEP,),
    )
    return directory.version
