"""Privatised sketches on their way to the fleet: noise drawn once, pushes that survive a crash."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from omega_core import limits, validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_persistence.database import Database
from omega_persistence.times import to_micros

_WAITING, _IN_PUSH, _ACKNOWLEDGED = 0, 1, 2
_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True)
class Push:
    """Sketches that travel together; equal bytes on every attempt."""

    request_id: str
    """UUID of 36 characters: the idempotency key."""
    model_version: str
    """Encoder of all its sketches."""
    sketches: bytes
    """48 bytes a sketch, in random order."""
    classes: bytes
    """A class byte a sketch, in the same order."""

    def __len__(self) -> int:
        """Number of sketches."""
        return len(self.classes)


class Sketches:
    """One sketch at most for each title."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def noise_for(self, content_rowid: int) -> FloatArray | None:
        """The noise (384,) float32 drawn for a title, or None when none was drawn yet."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT noise FROM sketches WHERE content_rowid = ?", (content_rowid,)
            ).fetchone()
        return None if row is None else unpack_f32("noise", row[0], limits.DIMENSION)

    def store(
        self,
        content_rowid: int,
        noise: FloatArray,
        sketch: bytes,
        class_byte: int,
        *,
        model_version: str,
        now: datetime,
    ) -> bool:
        """Queues a title's sketch.

        A title already queued under this encoder takes a new sketch (the household may have asked
        for more noise) and class_byte while it waits; once it is in a push or acknowledged nothing
        changes. A sketch of another encoder is replaced and waits again, with the same noise: a
        second draw would let the two be averaged.

        Args:
            content_rowid: the title.
            noise: (384,) finite float32; must equal `noise_for` when there is one.
            sketch: 48 bytes.
            class_byte: 0 to 255.
            model_version: encoder of the sketch.
            now: when it was queued.

        Returns:
            Whether the title now waits with this sketch (new, or replaced).

        Raises:
            OmegaError: INVALID_FIELD (a bound, or noise that differs from the stored one),
                UNKNOWN_CONTENT (field content_rowid), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        packed = pack_f32(validate.vector("noise", noise, limits.DIMENSION))
        validate.size("sketch", sketch, limits.SKETCH_BYTES)
        validate.integer("class_byte", class_byte, 0, 255)
        validate.text("model_version", model_version, limits.MAX_SHORT_ID, 1)
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT noise, model_version, state FROM sketches WHERE content_rowid = ?",
                (content_rowid,),
            ).fetchone()
            if row is None:
                _insert(
                    connection,
                    (content_rowid, packed, model_version, sketch, class_byte, to_micros(now)),
                )
                return True
            if row[0] != packed:
                raise invalid("noise", "the noise that was drawn first")
            if row[1] != model_version:
                connection.execute(
                    "UPDATE sketches SET model_version = ?, sketch = ?, class_byte = ?, "
                    "queued_at = ?, state = 0, request_id = NULL, position = NULL "
                    "WHERE content_rowid = ?",
                    (model_version, sketch, class_byte, to_micros(now), content_rowid),
                )
                return True
            if row[2] == _WAITING:
                connection.execute(
                    "UPDATE sketches SET sketch = ?, class_byte = ? WHERE content_rowid = ?",
                    (sketch, class_byte, content_rowid),
                )
            return False

    def next_push(self, limit: int, *, model_version: str) -> Push | None:
        """The encoder's open push as it was persisted, or else a new one, committed before return.

        A new one takes up to `limit` (1 to 20) waiting sketches of `model_version`, drawn and
        ordered by the operating system's randomness. None when nothing waits.

        Raises:
            OmegaError: INVALID_FIELD (limit), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.integer("limit", limit, 1, limits.MAX_PUSH_SKETCHES)
        with self._database.read() as connection:
            push = _open_push(connection, model_version)
        if push is not None:
            return push
        with self._database.transaction() as connection:
            waiting = connection.execute(
                "SELECT content_rowid FROM sketches WHERE state = 0 AND model_version = ?",
                (model_version,),
            ).fetchall()
            chosen = _RANDOM.sample(waiting, min(limit, len(waiting)))
            request_id = str(uuid4())
            connection.executemany(
                "UPDATE sketches SET state = 1, request_id = ?, position = ? "
                "WHERE content_rowid = ?",
                [(request_id, position, rowid) for position, (rowid,) in enumerate(chosen)],
            )
            return _open_push(connection, model_version)

    def acknowledge(self, request_id: str) -> int:
        """Marks a push as stored by the server; returns its number of sketches.

        An unknown or already acknowledged request_id changes nothing and returns 0.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE sketches SET state = 2, request_id = NULL, position = NULL "
                "WHERE state = 1 AND request_id = ?",
                (request_id,),
            ).rowcount

    def requeue_all(self, model_version: str) -> NDArray[np.int64]:
        """Prepares for a change of encoder: sketches of others leave their push and wait.

        Returns:
            Rowids (n,) of titles whose sketch is to be made again with `noise_for` and handed to
            `store`; until then they are in no push.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sketches SET state = 0, request_id = NULL, position = NULL "
                "WHERE state <> 0 AND model_version <> ?",
                (model_version,),
            )
            rows = connection.execute(
                "SELECT content_rowid FROM sketches WHERE model_version <> ? "
                "ORDER BY content_rowid",
                (model_version,),
            ).fetchall()
        return np.array([rowid for (rowid,) in rows], np.int64)

    def pending_count(self) -> int:
        """Sketches that wait or are in the open push."""
        return self._count(_WAITING) + self._count(_IN_PUSH)

    def acknowledged_count(self) -> int:
        """Sketches that the server has acknowledged."""
        return self._count(_ACKNOWLEDGED)

    def clear(self) -> int:
        """Forgets every sketch with its noise, once their identity is laid down; how many.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM sketches").rowcount

    def _count(self, state: int) -> int:
        with self._database.read() as connection:
            query = "SELECT count(*) FROM sketches WHERE state = ?"
            return int(connection.execute(query, (state,)).fetchone()[0])


def _insert(connection: sqlite3.Connection, row: tuple[object, ...]) -> None:
    try:
        connection.execute(
            "INSERT INTO sketches (content_rowid, noise, model_version, sketch, class_byte, "
            "queued_at, state) VALUES (?, ?, ?, ?, ?, ?, 0)",
            row,
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise
        raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_rowid") from error


def _open_push(connection: sqlite3.Connection, model_version: str) -> Push | None:
    rows = connection.execute(
        "SELECT request_id, sketch, class_byte FROM sketches "
        "WHERE state = 1 AND model_version = ? ORDER BY position",
        (model_version,),
    ).fetchall()
    if not rows:
        return None
    return Push(
        request_id=rows[0][0],
        model_version=model_version,
        sketches=b"".join(sketch for _, sketch, _ in rows),
        classes=bytes(class_byte for _, _, class_byte in rows),
    )
