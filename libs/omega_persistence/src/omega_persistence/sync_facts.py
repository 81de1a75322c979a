"""Single facts of the sync: the household's switches, when to ask again, and which way worked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.meta import Meta


@dataclass(frozen=True)
class Way:
    """How the fleet was reached."""

    transport: str
    """Its name."""
    since: datetime
    """When it was found to work, in UTC."""


class SyncFacts:
    """Facts of the sync in the table meta. A write may raise STORAGE_FULL, all STORAGE_UNAVAILABLE.

    A refusal of consent and what the network is like outlive an erasure of the household; consent
    that was given does not, since the next household has not given it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._meta = Meta(database)

    def consent(self) -> bool | None:
        """What the household chose; None = it has not chosen."""
        if self._meta.get(keys.CONSENT_REFUSED) is not None:
            return False
        return True if self._meta.get(keys.CONSENT_GIVEN) is not None else None

    def set_consent(self, consent: bool) -> None:
        """Keeps the household's choice."""
        with self._database.transaction():
            self._switch(keys.CONSENT_GIVEN, consent)
            self._switch(keys.CONSENT_REFUSED, not consent)

    def metered(self) -> bool | None:
        """Whether bytes cost money on this network; None = firmware has not said."""
        said = self._meta.get(keys.METERED)
        return None if said is None else said == "1"

    def set_metered(self, metered: bool) -> None:
        """Keeps what firmware says of the network."""
        self._meta.set(keys.METERED, str(int(metered)))

    def not_before(self) -> datetime | None:
        """The instant before which the fleet does not want to be asked, in UTC; None = none."""
        return self._instant(keys.SYNC_NOT_BEFORE)

    def set_not_before(self, at: datetime | None) -> None:
        """Keeps that instant; None = it is welcome at any time."""
        if at is None:
            self._meta.remove(keys.SYNC_NOT_BEFORE)
        else:
            self._meta.set(keys.SYNC_NOT_BEFORE, at.isoformat())

    def way(self) -> Way | None:
        """The transport that worked last; None = the preferred one, or none yet."""
        with self._database.read():
            name, since = self._meta.get(keys.TRANSPORT), self._instant(keys.TRANSPORT_SINCE)
        return None if name is None or since is None else Way(name, since)

    def set_way(self, way: Way | None) -> None:
        """Keeps the transport that worked; None = begin with the preferred one."""
        with self._database.transaction():
            if way is None:
                self._meta.remove(keys.TRANSPORT)
                self._meta.remove(keys.TRANSPORT_SINCE)
            else:
                self._meta.set(keys.TRANSPORT, way.transport)
                self._meta.set(keys.TRANSPORT_SINCE, way.since.isoformat())

    def _instant(self, key: str) -> datetime | None:
        at = self._meta.get(key)
        return None if at is None else datetime.fromisoformat(at)

    def _switch(self, key: str, on: bool) -> None:
        if on:
            self._meta.set(key, "1")
        else:
            self._meta.remove(key)
