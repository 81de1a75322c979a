"""When the constellation may serve."""

from __future__ import annotations

import logging

from omega_core.errors import OmegaError
from omega_store import MigrationError, Store, migrate, pending_on

_log = logging.getLogger(__name__)


class Readiness:
    """True while the database answers and its schema is ours.

    Args:
        store: the shard.
        migrating: apply what is missing; False = wait until somebody else has.
    """

    def __init__(self, store: Store, *, migrating: bool) -> None:
        self._store = store
        self._migrating = migrating
        self._complaint = ""
        self.ready = False
        """What the last look found."""

    def __call__(self) -> bool:
        """Asks the database, so it may take as long as a connection may be waited for."""
        self.ready = self._look()
        return self.ready

    def _look(self) -> bool:
        try:
            missing = self._missing()
            if missing and self._migrating:
                _log.info("migrations applied: %s", ", ".join(migrate(self._store.url)))
                missing = self._missing()
        except (MigrationError, OmegaError) as error:
            return self._refuse(str(error))
        if missing:
            return self._refuse(f"migrations are missing: {', '.join(missing)}")
        self._complaint = ""
        return True

    def _missing(self) -> tuple[str, ...]:
        with self._store.statements("look for migrations") as conn:
            return pending_on(conn)

    def _refuse(self, complaint: str) -> bool:
        """Says why, once."""
        if complaint != self._complaint:
            _log.error("not serving: %s", complaint)
            self._complaint = complaint
        return False
