"""Vectors of titles that came before their texts did, or were made for a catalogue to come."""

from __future__ import annotations

from collections.abc import Sequence

from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, unpack_f16
from omega_persistence.content_rows import packed_embedding
from omega_persistence.database import Database

MOST = 4_096
"""Most vectors that are kept: those of the oldest catalogues go first, then of the lowest
ordinals."""

_UPSERT = """
INSERT INTO title_vectors VALUES (?, ?, ?, ?)
ON CONFLICT (ordinal) DO UPDATE SET catalogue_version = excluded.catalogue_version,
    model_version = excluded.model_version, embedding = excluded.embedding
"""
_TRIM = """
DELETE FROM title_vectors WHERE ordinal IN (
    SELECT ordinal FROM title_vectors ORDER BY catalogue_version DESC, ordinal DESC
    LIMIT -1 OFFSET ?)
"""


class TitleVectors:
    """The table of vectors that wait. It may raise STORAGE_UNAVAILABLE, a write STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self,
        catalogue_version: int,
        model_version: str,
        ordinals: Sequence[int],
        embeddings: FloatArray,
    ) -> None:
        """Keeps vectors, all or none, in the place of those of the same ordinals.

        Args:
            catalogue_version: whose ordinals they have, from 1.
            model_version: encoder of the vectors, 1 to 64 characters.
            ordinals: n of them.
            embeddings: unit vectors, float32 (n, 384), kept as float16.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        validate.integer("catalogue_version", catalogue_version, 1, 2**63 - 1)
        validate.text("model_version", model_version, limits.MAX_SHORT_ID, 1)
        if embeddings.shape != (len(ordinals), limits.DIMENSION):
            raise invalid("embeddings", f"of shape ({len(ordinals)}, {limits.DIMENSION})")
        rows = [
            (
                validate.integer("ordinal", ordinal, 0, 2**32 - 1),
                catalogue_version,
                model_version,
                packed_embedding(embedding),
            )
            for ordinal, embedding in zip(ordinals, embeddings, strict=True)
        ]
        with self._database.transaction() as connection:
            connection.executemany(_UPSERT, rows)
            connection.execute(_TRIM, (MOST,))

    def between(self, base: int, version: int, model_version: str) -> dict[int, FloatArray]:
        """Vectors (384,) by ordinal, of catalogues after `base` and up to `version`."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT ordinal, embedding FROM title_vectors "
                "WHERE catalogue_version > ? AND catalogue_version <= ? AND model_version = ?",
                (base, version, model_version),
            ).fetchall()
        return {
            ordinal: unpack_f16("embedding", packed, limits.DIMENSION) for ordinal, packed in rows
        }

    def drop(self, version: int) -> None:
        """Forgets what catalogues up to `version` needed."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM title_vectors WHERE catalogue_version <= ?", (version,))
