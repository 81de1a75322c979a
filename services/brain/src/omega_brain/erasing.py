"""Forgetting people: a profile, or the household as a whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from omega_brain.config import BrainConfig
from omega_brain.stores import Stores
from omega_brain.upkeep import Upkeep
from omega_core.clock import Clock
from omega_persistence.erasure import Erased, erase_household


class Erasing:
    """Erases from the disk, then from what the process holds.

    Args:
        stores: the truth.
        upkeep: reads the rest anew.
        standing_still: a block during which nothing is learnt in the background.
        paused: a block during which nothing leaves.
        forget: drops what the process holds of a profile; of an empty id, of the household.
    """

    def __init__(
        self,
        stores: Stores,
        upkeep: Upkeep,
        standing_still: Callable[[], AbstractContextManager[None]],
        paused: Callable[[], AbstractContextManager[None]],
        forget: Callable[[str], None],
    ) -> None:
        self._stores = stores
        self._upkeep = upkeep
        self._standing_still = standing_still
        self._paused = paused
        self._forget = forget

    def delete_profile(self, profile_id: str) -> int:
        """Erases a profile with all its rows; the number of viewings among them.

        Raises:
            OmegaError: UNKNOWN_PROFILE, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._standing_still(), self._paused(), self._upkeep.renewing():
            self._forget(profile_id)
            return self._stores.profiles.delete(profile_id)

    def clear(self, request_id: str) -> Erased:
        """Erases the household. As `erase_household`."""
        with self._standing_still(), self._paused(), self._upkeep.renewing():
            self._forget("")
            return erase_household(self._stores.database, request_id)


def withdraw_consent(stores: Stores, config: BrainConfig, clock: Clock) -> None:
    """Where consent was taken back: has the fleet forget this TV, and drops what waits to leave.

    Noise goes with the identity that it was drawn for.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    drawn = stores.sketches.pending_count() + stores.sketches.acknowledged_count()
    if config.consent or not drawn:
        return
    with stores.database.transaction():
        stores.meta.retire_identity(clock.now())
        stores.sketches.clear()
