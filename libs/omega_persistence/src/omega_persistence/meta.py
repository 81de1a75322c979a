"""Single facts: identity, traffic, the last sync."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from omega_persistence import identity as identities
from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.identity import Credentials, Identity

__all__ = ["Credentials", "Identity", "LastSync", "Meta", "Traffic"]

_ADD = """
INSERT INTO meta VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + excluded.value AS TEXT)
"""


@dataclass(frozen=True)
class Traffic:
    """Bytes moved since the database was made."""

    pushed: int
    """Serialised sync requests."""
    pulled: int
    """Serialised sync responses, resources apart."""
    resources: int
    """Resource bodies."""


@dataclass(frozen=True)
class LastSync:
    """How syncing stands."""

    succeeded_at: datetime | None
    """The last success in UTC; None = never."""
    error: str
    """Public text of the last attempt's error; empty = it succeeded or there was none."""


class Meta:
    """The table of single facts. Every method may raise STORAGE_FULL or STORAGE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The value of a key, or None."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, key: str, value: str) -> None:
        """Sets a key."""
        with self._database.transaction() as connection:
            connection.execute(keys.SET, (key, value))

    def remove(self, key: str) -> None:
        """Forgets a key."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))

    def register_request_id(self) -> str:
        """The UUID for RegisterDevice: drawn once, durable before it is returned."""
        with self._database.transaction():
            known = self.get(keys.REGISTER_REQUEST_ID)
            if known is not None:
                return known
            drawn = str(uuid4())
            self.set(keys.REGISTER_REQUEST_ID, drawn)
        return drawn

    def identity(self) -> Identity | None:
        """The registered identity, or None."""
        with self._database.read() as connection:
            return identities.read(connection)

    def set_identity(
        self, identity: Identity, credentials: Credentials | None = None, region: str = ""
    ) -> None:
        """Keeps an identity, what came with it, and the region it was registered with.

        The key and the register request id stand already: `device_key`, `register_request_id`.
        """
        facts = {keys.REGISTERED_REGION: region}
        if credentials:
            chain = [b64encode(each).decode("ascii") for each in credentials.certificates]
            until = credentials.until
            facts[keys.CERTIFICATES] = json.dumps(chain) if chain else ""
            facts[keys.CREDENTIALS_SINCE] = credentials.since.isoformat()
            facts[keys.CREDENTIALS_UNTIL] = until.isoformat() if until else ""
        with self._database.transaction():
            self.set(keys.DEVICE_ID, identity.device_id)
            self.set(keys.AUTH_TOKEN, identity.auth_token)
            for key, value in facts.items():
                if value:
                    self.set(key, value)
                else:
                    self.remove(key)

    def forget_identity(self) -> None:
        """Forgets the identity and its register request; the key stays. The fleet is not told."""
        with self._database.transaction() as connection:
            identities.forget(connection, key_too=False)

    def credentials(self) -> Credentials | None:
        """What came with the identity; None = nothing is known of it."""
        with self._database.read():
            since, until = self.get(keys.CREDENTIALS_SINCE), self.get(keys.CREDENTIALS_UNTIL)
            chain = self.get(keys.CERTIFICATES)
        if since is None:
            return None
        return Credentials(
            certificates=tuple(map(b64decode, json.loads(chain or "[]"))),
            since=datetime.fromisoformat(since),
            until=None if until is None else datetime.fromisoformat(until),
        )

    def device_key(self, draw: Callable[[], str]) -> str:
        """PEM of this TV's key: drawn at the first need, durable before it is returned."""
        with self._database.transaction():
            known = self.get(keys.DEVICE_KEY)
            if known is not None:
                return known
            drawn = draw()
            self.set(keys.DEVICE_KEY, drawn)
        return drawn

    def registered_region(self) -> str:
        """The region that the fleet was told; empty = none."""
        return self.get(keys.REGISTERED_REGION) or ""

    def retire_identity(self, now: datetime) -> Identity | None:
        """Lays the identity down and queues it in `Erasures`, in one transaction.

        Key and register request id go with it, so that the next registration is a new TV's.

        Returns:
            What was laid down; None = there was none.
        """
        with self._database.transaction() as connection:
            return identities.retire(connection, now)

    def traffic(self) -> Traffic:
        """Bytes moved so far."""
        return Traffic(
            pushed=int(self.get(keys.PUSHED_BYTES) or 0),
            pulled=int(self.get(keys.PULLED_BYTES) or 0),
            resources=int(self.get(keys.RESOURCE_BYTES) or 0),
        )

    def add_traffic(self, *, pushed: int = 0, pulled: int = 0, resources: int = 0) -> None:
        """Adds to the bytes moved."""
        with self._database.transaction() as connection:
            for key, added in (
                (keys.PUSHED_BYTES, pushed),
                (keys.PULLED_BYTES, pulled),
                (keys.RESOURCE_BYTES, resources),
            ):
                if added:
                    connection.execute(_ADD, (key, str(added)))

    def last_sync(self) -> LastSync:
        """How syncing stands."""
        at = self.get(keys.LAST_SYNC_AT)
        return LastSync(
            succeeded_at=None if at is None else datetime.fromisoformat(at),
            error=self.get(keys.LAST_SYNC_ERROR) or "",
        )

    def sync_succeeded(self, at: datetime) -> None:
        """Notes a success and clears the error."""
        with self._database.transaction():
            self.set(keys.LAST_SYNC_AT, at.isoformat())
            self.remove(keys.LAST_SYNC_ERROR)

    def sync_failed(self, public_text: str) -> None:
        """Notes an error; the instant of the last success stays."""
        self.set(keys.LAST_SYNC_ERROR, public_text)
