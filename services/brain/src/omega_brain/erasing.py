"""Forgetting people: a profile, or the household as a whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from omega_brain.stores import Stores
from omega_brain.upkeep import Upkeep
from omega_core.clock import Clock
from omega_persistence import keys, pushed
from omega_persistence.erasure import Erased, erase_household


class Erasing:
    """Erases from the disk, then from what the process holds.

    Args:
        stores: the truth.
        upkeep: reads the rest anew.
        standing_still: a block during which nothing is learnt in the background.
        paused: a block during which nothing leaves.
        forget: drops what the process holds of a profile; of an empty id, of the household.
        read_anew: reads what is left of it.
    """

    def __init__(
        self,
        stores: Stores,
        upkeep: Upkeep,
        standing_still: Callable[[], AbstractContextManager[None]],
        paused: Callable[[], AbstractContextManager[None]],
        forget: Callable[[str], None],
        read_anew: Callable[[], None],
    ) -> None:
        self._stores = stores
        self._upkeep = upkeep
        self._standing_still = standing_still
        self._paused = paused
        self._forget = forget
        self._read_anew = read_anew

    def delete_profile(self, profile_id: str) -> int:
        """Erases a profile and what was learnt from it; the number of viewings among its rows.

        The Adaptive loop then learns for the household again from what is left. Died on the way,
        it goes on after the next start.

        Raises:
            OmegaError: UNKNOWN_PROFILE, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._standing_still(), self._paused():
            with self._upkeep.renewing():
                self._forget(profile_id)
                viewings = self._stores.profiles.delete(profile_id)
            self._read_anew()
            return viewings

    def clear(self, request_id: str) -> Erased:
        """Erases the household. As `erase_household`."""
        with self._standing_still(), self._paused():
            with self._upkeep.renewing():
                self._forget("")
                erased = erase_household(self._stores.database, request_id)
            self._read_anew()
            return erased


def withdraw_consent(stores: Stores, clock: Clock) -> None:
    """Where consent was taken back: has the fleet forget this TV, and drops what waits to leave.

    Noise goes with the identity that it was drawn for, and the chance of reports. Which pairs were
    told stays noted: that cannot be taken back, and must not be told again. Where nothing was drawn
    and no token given out, the fleet knows nothing of the household, and nothing is done.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    drawn = stores.sketches.pending_count() + stores.sketches.acknowledged_count()
    joined = stores.pair_means.facts.get(keys.PAIRS_JOINED) is not None
    if not drawn and stores.reports.last() is None and not joined:
        return
    with stores.database.transaction():
        stores.pair_reports.drop_waiting()
        stores.pair_means.facts.remove(keys.PAIRS_JOINED)
        stores.meta.retire_identity(clock.now())
        stores.reports.forget()
        stores.sketches.clear()
    pushed.drop_stale(stores.database)
