"""Large versioned bodies, and the parts of one that is still being transferred."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from dataclasses import astuple, dataclass, field
from typing import Any

from omega_core import limits, validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_persistence.database import Database

_log = logging.getLogger(__name__)

_UPSERT = """
INSERT INTO resources (kind, version, size_bytes, sha256, model_version, body)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (kind) DO UPDATE SET version = excluded.version, size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256, model_version = excluded.model_version, body = excluded.body
"""


@dataclass(frozen=True)
class ResourceKey:
    """Names one version of a body, as the server announced it."""

    kind: int
    """Value of omega.common.v1.ResourceKind."""
    version: int
    """From 1."""
    size_bytes: int
    """Length of the body, 1 to 67,108,864."""
    sha256: bytes
    """32 bytes."""
    model_version: str
    """Encoder whose vectors the body rests on, 1 to 64 characters."""


@dataclass(frozen=True)
class StoredResource:
    """A complete, verified body."""

    key: ResourceKey
    """Its name."""
    body: bytes = field(repr=False)
    """As transferred."""


@dataclass(frozen=True)
class Transfer:
    """A body that has not come in full."""

    key: ResourceKey
    """Its name."""
    received: int
    """Bytes held of it."""


class Resources:
    """One complete body and at most one unfinished transfer a kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, key: ResourceKey, body: bytes) -> None:
        """Verifies a body and keeps it in place of the kind's last one; ends its transfer.

        Raises:
            OmegaError: CORRUPT_RESOURCE (size or SHA-256 differ; nothing is changed),
                INVALID_FIELD (a bound of the key), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        _check_key(key)
        _verify(key, body)
        with self._database.transaction() as connection:
            connection.execute(_UPSERT, (*astuple(key), body))
            _drop_transfer(connection, key.kind)

    def get(self, kind: int) -> StoredResource | None:
        """The kind's body, or None.

        A body that no longer matches its SHA-256 is dropped with an error in the log, so that
        the next sync brings it again.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT kind, version, size_bytes, sha256, model_version, body FROM resources "
                "WHERE kind = ?",
                (kind,),
            ).fetchone()
        if row is None:
            return None
        key, body = ResourceKey(*row[:-1]), row[-1]
        try:
            _verify(key, body)
        except OmegaError:
            _log.exception("a stored resource was damaged and is dropped")
            self.remove(kind)
            return None
        return StoredResource(key, body)

    def held(self) -> list[ResourceKey]:
        """The complete versions held, without their bodies, by kind."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT kind, version, size_bytes, sha256, model_version FROM resources "
                "ORDER BY kind"
            ).fetchall()
        return [ResourceKey(*row) for row in rows]

    def transfers(self) -> list[Transfer]:
        """The unfinished ones, by kind."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT kind, version, size_bytes, sha256, model_version, received "
                "FROM resource_transfers ORDER BY kind"
            ).fetchall()
        return [Transfer(ResourceKey(*row[:-1]), row[-1]) for row in rows]

    def received(self, key: ResourceKey) -> int:
        """Bytes of an unfinished transfer of exactly this key: the offset to go on from."""
        with self._database.read() as connection:
            return _received(connection, key)

    def append(self, key: ResourceKey, offset: int, data: bytes) -> int:
        """Keeps the next chunk; returns the bytes held. A transfer of another version is dropped.

        Raises:
            OmegaError: INVALID_FIELD (offset is not `received`, data is empty or goes beyond
                size_bytes), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        _check_key(key)
        with self._database.transaction() as connection:
            held = _received(connection, key)
            if offset != held:
                raise invalid("offset", f"{held:,}, the bytes already held")
            validate.count("data", data, key.size_bytes - held, 1)
            if not held:
                _drop_transfer(connection, key.kind)
                connection.execute(
                    "INSERT INTO resource_transfers (kind, version, size_bytes, sha256, "
                    "model_version, received) VALUES (?, ?, ?, ?, ?, 0)",
                    astuple(key),
                )
            connection.execute(
                "INSERT INTO resource_chunks VALUES (?, ?, ?)", (key.kind, offset, data)
            )
            connection.execute(
                "UPDATE resource_transfers SET received = ? WHERE kind = ?",
                (held + len(data), key.kind),
            )
            return held + len(data)

    def complete(self, key: ResourceKey) -> StoredResource:
        """Joins, verifies and stores a transfer whose bytes are all there.

        Raises:
            OmegaError: CORRUPT_RESOURCE: the parts are dropped, so that the next try starts
                afresh; the last complete body stays. STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.read() as connection:
            chunks = connection.execute(
                "SELECT data FROM resource_chunks WHERE kind = ? ORDER BY offset", (key.kind,)
            ).fetchall()
            complete = _received(connection, key) == key.size_bytes
        body = b"".join(data for (data,) in chunks) if complete else b""
        try:
            self.store(key, body)
        except OmegaError as error:
            if error.code is ErrorCode.CORRUPT_RESOURCE:
                with self._database.transaction() as connection:
                    _drop_transfer(connection, key.kind)
            raise
        return StoredResource(key, body)

    def remove(self, kind: int) -> None:
        """Forgets the kind's body and transfer."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM resources WHERE kind = ?", (kind,))
            _drop_transfer(connection, kind)


def _check_key(key: ResourceKey) -> None:
    validate.integer("kind", key.kind, 1, 2**31 - 1)
    validate.integer("version", key.version, 1, 2**63 - 1)
    validate.integer("size_bytes", key.size_bytes, 1, limits.MAX_RESOURCE)
    validate.size("sha256", key.sha256, hashlib.sha256().digest_size)
    validate.text("model_version", key.model_version, limits.MAX_SHORT_ID, 1)


def _verify(key: ResourceKey, body: bytes) -> None:
    name = f"resource {key.kind} version {key.version}"
    if len(body) != key.size_bytes:
        detail = f"{name}: {len(body):,} of {key.size_bytes:,} bytes"
        raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=detail)
    if hashlib.sha256(body).digest() != key.sha256:
        raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=f"{name}: the SHA-256 differs")


def _received(connection: sqlite3.Connection, key: ResourceKey) -> int:
    row: tuple[Any, ...] | None = connection.execute(
        "SELECT kind, version, size_bytes, sha256, model_version, received "
        "FROM resource_transfers WHERE kind = ?",
        (key.kind,),
    ).fetchone()
    return int(row[-1]) if row is not None and row[:-1] == astuple(key) else 0


def _drop_transfer(connection: sqlite3.Connection, kind: int) -> None:
    connection.execute("DELETE FROM resource_transfers WHERE kind = ?", (kind,))
