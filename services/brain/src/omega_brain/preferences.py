"""What is known of circumstances, ready to rank with: read from memory now and then, not a call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from omega_core.memory import Memory, Tier
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_memory import HouseholdMemory, seasons, semantic
from omega_memory.words import MONTHS

_NOTHING = ViewingContext()
_KEPT = 256
"""Answers that are kept, for circumstances that come again."""


@dataclass(frozen=True)
class _Known:
    """Memories of one profile."""

    preferences: tuple[Memory, ...] = ()
    rhythms: tuple[Memory, ...] = ()


@dataclass(frozen=True, eq=False)
class Suited:
    """How genres suit the present circumstances."""

    bonus: FloatArray
    """(g,) -1 to 1."""
    occasions: dict[str, str]
    """Genre -> when the household watches it, as words such as "in December"."""


class Preferences:
    """Readers of the tiers Semantic and Temporal. Safe for threads.

    Args:
        memory: where they are kept.
        zone: where the TV stands.
        now: the present instant.
    """

    def __init__(
        self, memory: HouseholdMemory, zone: Callable[[], tzinfo], now: Callable[[], datetime]
    ) -> None:
        self._memory = memory
        self._zone = zone
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._suited: dict[object, Suited] = {}

    def read(self, profile_ids: Sequence[str]) -> None:
        """Reads what is remembered of these profiles, in place of what was.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        now, memory = self._now(), self._memory
        known = {
            profile_id: _Known(
                tuple(memory.named(Tier.SEMANTIC, semantic.PREFIX, now, profile_id)),
                tuple(memory.named(Tier.TEMPORAL, seasons.PREFIX, now, profile_id)),
            )
            for profile_id in profile_ids
        }
        with self._lock:
            self._known, self._suited = known, {}

    def suited(
        self, profile_id: str, context: ViewingContext | None, genres: tuple[str, ...]
    ) -> Suited | None:
        """How genres (g,) suit a profile now; None when nothing is known. Touches no disk."""
        with self._lock:
            known = self._known.get(profile_id)
        if known is None or not (known.preferences or known.rhythms):
            return None
        here, today = context or _NOTHING, self._now().astimezone(self._zone()).date()
        asked = (profile_id, here.time_of_day, here.mood, today, genres)
        with self._lock:
            found = self._suited.get(asked)
        if found is None:
            affinity = semantic.genre_affinity(known.preferences, here, genres)
            season = seasons.seasonal_bonus(known.rhythms, today, genres)
            when = f"in {MONTHS[today.month - 1]}"
            found = Suited(
                np.clip(affinity + season, -1, 1).astype(np.float32),
                {name: when for name, s in zip(genres, season.tolist(), strict=True) if s > 0},
            )
            with self._lock:
                if len(self._suited) > _KEPT:
                    self._suited.clear()
                self._suited[asked] = found
        return found
