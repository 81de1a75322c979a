"""Identities that this TV has laid down and that the fleet is still to forget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from omega_persistence import erasure, keys
from omega_persistence import identity as identities
from omega_persistence.database import Database
from omega_persistence.identity import Identity
from omega_persistence.times import from_micros


@dataclass(frozen=True)
class PendingErasure:
    """One of them."""

    identity: Identity
    """What the fleet knows."""
    queued_at: datetime
    """Since when it is to be forgotten, in UTC."""
    attempts: int
    """Times that the fleet was asked in vain."""


class Erasures:
    """The queue of old identities: their tokens and keys alone outlive an erasure."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self, identity: Identity, now: datetime) -> None:
        """Queues an identity; one that is queued already stays as it is.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            identities.queue(connection, identity, now)

    def pending(self) -> list[PendingErasure]:
        """Those that wait, longest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT device_id, auth_token, device_key, request_id, queued_at, attempts "
                "FROM erasures "
                "ORDER BY queued_at, device_id"
            ).fetchall()
        return [
            PendingErasure(Identity(*identity), from_micros(queued_at), attempts)
            for *identity, queued_at, attempts in rows
        ]

    def failed(self, device_id: str) -> None:
        """Counts an attempt that the fleet did not acknowledge; an unknown id changes nothing.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE erasures SET attempts = attempts + 1 WHERE device_id = ?", (device_id,)
            )

    def done(self, device_id: str) -> bool:
        """Forgets an identity that the fleet has acknowledged, in bytes too.

        Returns:
            Whether it was queued.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: it is out of the queue or still in it;
                its bytes go with the next call or the next start.
        """
        with self._database.alone():
            with self._database.transaction() as connection:
                gone = connection.execute(
                    "DELETE FROM erasures WHERE device_id = ?", (device_id,)
                ).rowcount
                if gone:
                    connection.execute(keys.SET, (keys.UNCLEAN, "1"))
            erasure.finish(self._database)
        return bool(gone)
