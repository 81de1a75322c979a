"""Single facts: identity, traffic, the last sync."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from omega_persistence.database import Database


@dataclass(frozen=True)
class Identity:
    """What the fleet knows this TV by."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    auth_token: str = field(repr=False)
    """Secret."""


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
    """The table of single facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The value of a key, or None."""
        raise NotImplementedError

    def set(self, key: str, value: str) -> None:
        """Sets a key."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Forgets a key."""
        raise NotImplementedError

    def register_request_id(self) -> str:
        """The UUID for RegisterDevice: drawn once, durable before it is returned."""
        raise NotImplementedError

    def identity(self) -> Identity | None:
        """The registered identity, or None."""
        raise NotImplementedError

    def set_identity(self, identity: Identity | None) -> None:
        """Keeps an identity; None forgets it together with the register request id."""
        raise NotImplementedError

    def traffic(self) -> Traffic:
        """Bytes moved so far."""
        raise NotImplementedError

    def add_traffic(self, *, pushed: int = 0, pulled: int = 0, resources: int = 0) -> None:
        """Adds to the bytes moved."""
        raise NotImplementedError

    def last_sync(self) -> LastSync:
        """How syncing stands."""
        raise NotImplementedError

    def sync_succeeded(self, at: datetime) -> None:
        """Notes a success and clears the error."""
        raise NotImplementedError

    def sync_failed(self, public_text: str) -> None:
        """Notes an error; the instant of the last success stays."""
        raise NotImplementedError
