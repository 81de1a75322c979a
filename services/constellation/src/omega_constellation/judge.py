"""The judge of a shard's releases: a thread that looks from time to time."""

from __future__ import annotations

import logging

from omega_constellation import judging
from omega_constellation.directories import Directories
from omega_constellation.judging import Judging
from omega_constellation.repeating import Repeating
from omega_core.clock import Clock
from omega_store import Connection, Store, release_reports, releases
from omega_store.locks import try_lock_releases
from omega_store.releases import ReleasePlan

_log = logging.getLogger(__name__)


class Judge:
    """Moves releases on, one constellation of a shard at a time, and only at the home shard.

    Each look is one transaction under an advisory lock: whoever dies in it has done nothing, and
    any other goes on from what is stored.

    Args:
        store: the shard.
        directories: which shard this is, and which one is the home shard.
        plan: who gets new versions first; written down for all who publish.
        rules: how releases are judged.
        clock: time.
        seconds: between two looks.
    """

    def __init__(
        self,
        store: Store,
        directories: Directories,
        plan: ReleasePlan | None,
        rules: Judging,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._store = store
        self._directories = directories
        self._plan = plan
        self._rules = rules
        self._clock = clock
        self._seconds = seconds
        self._failing = False
        self._looking = Repeating("judge", self._turn, seconds)

    def start(self) -> None:
        """Begins to look."""
        self._looking.start()

    def stop(self) -> None:
        """Ends after the look under way."""
        self._looking.stop()

    def look(self) -> None:
        """One look at everything that is being released.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL; what cannot be read, of a body.
        """
        with self._store.transaction("judge releases") as conn:
            if not self._is_home(conn) or not try_lock_releases(conn):
                return
            releases.set_plan(conn, self._plan)
            now = self._clock.now()
            for release in releases.under_way(conn):
                judging.step(conn, release, self._rules, now)
        with self._store.transaction("forget release reports") as conn:
            release_reports.forget(conn, now)

    def _turn(self) -> float:
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - whatever befalls a look, there is a next one
            self._complain(error)
        else:
            self._failing = False
        return self._seconds

    def _complain(self, error: Exception) -> None:
        """Says so once: a database may be away, or not migrated yet."""
        if not self._failing:
            _log.warning("releases are not looked at: %r", error)
        self._failing = True

    def _is_home(self, conn: Connection) -> bool:
        """Whether this shard is the one whose releases are judged: by the directory, or alone."""
        held = self._directories.held(conn)
        return not held.version or held.home == self._directories.shard
