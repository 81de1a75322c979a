"""Privatised sketches on their way to the fleet: noise drawn once, pushes that survive a crash.

A sketch waits for its own random instant and leaves in a push of those whose instant has come, in
random order. Noise scales are whole hundredths here, 50 to 6,400.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import uuid4

from omega_core import limits, validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_persistence import pushed
from omega_persistence.database import Database
from omega_persistence.times import to_micros

_WAITING, _IN_PUSH, _ACKNOWLEDGED = 0, 1, 2
_EVER = 2**63 - 1
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
    sigma_hundredths: int = 0
    """Noise scale of all its sketches; 0 = not known: made by a release that did not note it."""

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

    def reported(self) -> set[int]:
        """Rowids of the titles of which a sketch has left, under whatever encoder and scale.

        No other sketch of them ever leaves under this identity (docs/adr/0026).
        """
        with self._database.read() as connection:
            rows = connection.execute("SELECT content_rowid FROM sketches WHERE has_left")
            return {rowid for (rowid,) in rows}

    def store(
        self,
        content_rowid: int,
        noise: FloatArray,
        sketch: bytes,
        class_byte: int,
        *,
        sigma_hundredths: int,
        model_version: str,
        now: datetime,
        release_at: datetime,
    ) -> bool:
        """Queues a title's sketch.

        A title that is queued already takes a new sketch (the household may have asked for more
        noise, or the encoder is another one) and class_byte while it waits. Once a sketch has
        left, nothing changes: with a second one, under another encoder or scale, the two could be
        compared.

        Args:
            content_rowid: the title.
            noise: (384,) finite float32; must equal `noise_for` when there is one.
            sketch: 48 bytes.
            class_byte: 0 to 255.
            sigma_hundredths: noise scale, 50 to 6,400.
            model_version: encoder of the sketch.
            now: when it was queued.
            release_at: when it may leave at the earliest; one that waits already keeps its own.

        Returns:
            Whether the title is new here.

        Raises:
            OmegaError: INVALID_FIELD (a bound, or noise that differs from the first),
                UNKNOWN_CONTENT (field content_rowid), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        packed = pack_f32(validate.vector("noise", noise, limits.DIMENSION))
        validate.size("sketch", sketch, limits.SKETCH_BYTES)
        validate.integer("class_byte", class_byte, 0, 255)
        validate.integer("sigma_hundredths", sigma_hundredths, limits.MIN_SIGMA, limits.MAX_SIGMA)
        validate.text("model_version", model_version, limits.MAX_SHORT_ID, 1)
        made = (model_version, sketch, class_byte, sigma_hundredths)
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT noise, has_left FROM sketches WHERE content_rowid = ?", (content_rowid,)
            ).fetchone()
            if row is None:
                times = (to_micros(now), to_micros(release_at))
                _insert(connection, (content_rowid, packed, *made, *times))
                return True
            if row[0] != packed:
                raise invalid("noise", "the noise that was drawn first")
            if not row[1]:
                connection.execute(
                    "UPDATE sketches SET model_version = ?, sketch = ?, class_byte = ?, "
                    "sigma_hundredths = ? WHERE content_rowid = ?",
                    (*made, content_rowid),
                )
            return False

    def assume_sigma(self, sigma_hundredths: int) -> None:
        """States the scale of what a release left that did not note it: that of the setting.

        What is in a push stays as it was, so that the push comes again in the same bytes.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sketches SET sigma_hundredths = ? "
                "WHERE sigma_hundredths IS NULL AND state <> 1",
                (sigma_hundredths,),
            )

    def hasten(self, latest: datetime, draw: Callable[[], datetime]) -> None:
        """Draws the instant again where it lies after `latest`: the clock went back, or a setting.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT content_rowid FROM sketches WHERE state = 0 AND release_at > ?",
                (to_micros(latest),),
            ).fetchall()
            connection.executemany(
                "UPDATE sketches SET release_at = ? WHERE content_rowid = ?",
                [(to_micros(draw()), rowid) for (rowid,) in rows],
            )

    def withdraw(self, still: Collection[int]) -> list[int]:
        """Drops what waits and has never left, with its noise, of titles that are not in `still`.

        Returns:
            Rowids of the titles.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            waiting = connection.execute(
                "SELECT content_rowid FROM sketches WHERE state = 0 AND NOT has_left"
            ).fetchall()
            gone = [rowid for (rowid,) in waiting if rowid not in still]
            connection.executemany(
                "DELETE FROM sketches WHERE content_rowid = ?", [(rowid,) for rowid in gone]
            )
        return gone

    def next_push(
        self, limit: int, *, model_version: str, due_by: datetime | None = None
    ) -> Push | None:
        """The open push as it was persisted, or else a new one, committed before return.

        An open push keeps the encoder that it was made with. A new one takes up to `limit` (1 to
        20) waiting sketches of `model_version`, all of one noise scale, drawn and ordered by the
        operating system's randomness. None when none is due.

        Args:
            limit: most sketches.
            model_version: their encoder.
            due_by: the present instant: what may leave later waits on; None = nothing waits.

        Raises:
            OmegaError: INVALID_FIELD (limit), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        validate.integer("limit", limit, 1, limits.MAX_PUSH_SKETCHES)
        latest = _EVER if due_by is None else to_micros(due_by)
        with self._database.read() as connection:
            push = _open_push(connection)
        if push is not None:
            return push
        with self._database.transaction() as connection:
            due = connection.execute(
                "SELECT content_rowid, sigma_hundredths FROM sketches "
                "WHERE state = 0 AND NOT has_left AND model_version = ? AND release_at <= ?",
                (model_version, latest),
            ).fetchall()
            if not due:
                return None
            sigma = _RANDOM.choice(due)[1]
            alike = [rowid for rowid, scale in due if scale == sigma]
            chosen = _RANDOM.sample(alike, min(limit, len(alike)))
            request_id = str(uuid4())
            connection.executemany(
                "UPDATE sketches SET state = 1, request_id = ?, position = ?, has_left = 1 "
                "WHERE content_rowid = ?",
                [(request_id, position, rowid) for position, rowid in enumerate(chosen)],
            )
            pushed.count_push(connection)
            return _open_push(connection)

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

    def pending_count(self) -> int:
        """Sketches that wait or are in the open push."""
        return self._count("state = 1 OR NOT has_left")

    def acknowledged_count(self) -> int:
        """Sketches that the server has acknowledged."""
        return self._count("state <> 1 AND has_left")

    def clear(self) -> int:
        """Forgets every sketch with its noise, once their identity is laid down; how many.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM sketches").rowcount

    def _count(self, condition: LiteralString) -> int:
        with self._database.read() as connection:
            query = f"SELECT count(*) FROM sketches WHERE {condition}"  # noqa: S608 - constants
            return int(connection.execute(query).fetchone()[0])


def _insert(connection: sqlite3.Connection, row: tuple[object, ...]) -> None:
    try:
        connection.execute(
            "INSERT INTO sketches (content_rowid, noise, model_version, sketch, class_byte, "
            "sigma_hundredths, queued_at, release_at, has_left, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
            row,
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise
        raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_rowid") from error


def _open_push(connection: sqlite3.Connection) -> Push | None:
    rows = connection.execute(
        "SELECT request_id, model_version, sketch, class_byte, sigma_hundredths FROM sketches "
        "WHERE state = 1 AND request_id = (SELECT min(request_id) FROM sketches WHERE state = 1) "
        "ORDER BY position"
    ).fetchall()
    if not rows:
        return None
    return Push(
        request_id=rows[0][0],
        model_version=rows[0][1],
        sketches=b"".join(row[2] for row in rows),
        classes=bytes(row[3] for row in rows),
        sigma_hundredths=rows[0][4] or 0,
    )
