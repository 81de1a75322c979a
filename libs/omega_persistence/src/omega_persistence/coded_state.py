"""The collective state as it was coded: what the next news are coded against."""

from __future__ import annotations

from dataclasses import dataclass, field

from omega_core import validate
from omega_persistence.database import Database

_UPSERT = """
INSERT INTO coded_state VALUES (1, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, codebook_id = excluded.codebook_id,
    body = excluded.body
"""


@dataclass(frozen=True)
class StoredState:
    """A coded state."""

    version: int
    """Version of the collective state, from 1."""
    codebook_id: int
    """Codebook that it is coded under, 32 bits."""
    body: bytes = field(repr=False)
    """As omega_delta.transform.pack_state made it."""


class CodedStates:
    """The one coded state, or none. It may raise STORAGE_UNAVAILABLE, a write STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self) -> StoredState | None:
        """What is held; None = the state is not held in this form."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT version, codebook_id, body FROM coded_state"
            ).fetchone()
        return None if row is None else StoredState(*row)

    def put(self, state: StoredState) -> None:
        """Keeps a state in the place of the one before.

        Raises:
            OmegaError: INVALID_FIELD (version, codebook_id).
        """
        validate.integer("version", state.version, 1, 2**63 - 1)
        validate.integer("codebook_id", state.codebook_id, 0, 2**32 - 1)
        with self._database.transaction() as connection:
            connection.execute(_UPSERT, (state.version, state.codebook_id, state.body))

    def clear(self) -> None:
        """Forgets it; the patterns stay, and the next news come from nothing."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM coded_state")
