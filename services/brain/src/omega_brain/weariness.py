"""What was shown tonight, counted as it is shown: no event waits for a look through the tiers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from omega_core.memory import Memory, Tier
from omega_memory import HouseholdMemory, tonight
from omega_rank.session import TONIGHT


class Weariness:
    """How tired each profile is of seeing titles. One thread at a time.

    What was shown before this process began is read from Instant and Session once a profile.

    Args:
        memory: the tiers.
    """

    def __init__(self, memory: HouseholdMemory) -> None:
        self._memory = memory
        self._shown: dict[str, dict[str, Memory]] = {}

    def knows(self, profile_id: str) -> bool:
        """Whether what was shown to a profile has been read."""
        return profile_id in self._shown

    def showed(self, profile_id: str, memories: Iterable[Memory]) -> None:
        """Takes what was shown to a profile, and is in the tiers by now."""
        if profile_id in self._shown:
            self._shown[profile_id].update((memory.key, memory) for memory in memories)

    def of(self, profile_id: str, now: datetime) -> dict[str, float]:
        """Content id -> how tired a profile is of seeing it, 0 to 1; others are at 0.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        shown = self._shown.get(profile_id)
        if shown is None:
            shown = {
                memory.key: memory
                for tier in (Tier.INSTANT, Tier.SESSION)
                for memory in self._memory.named(tier, tonight.SHOWN_PREFIX, now, profile_id)
            }
        lately = {key: each for key, each in shown.items() if now - each.created_at < TONIGHT}
        self._shown[profile_id] = lately
        ids = sorted({memory.content_id for memory in lately.values()})
        return dict(zip(ids, tonight.fatigue(lately.values(), ids).tolist(), strict=True))

    def forget(self) -> None:
        """Drops everything; what the tiers still hold is read again."""
        self._shown.clear()
