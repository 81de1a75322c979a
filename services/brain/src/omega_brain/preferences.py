"""What is known of circumstances, ready to rank with: read from memory now and then, not a call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from omega_core.memory import Memory, Tier
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_memory import HouseholdMemory, seasons, semantic
from omega_memory.words import MONTHS
from omega_rank.session import FORGOTTEN

_NOTHING = ViewingContext()
MOST_FOLLOWING = 0.5
"""Greatest bonus of a genre for what was just watched; 1 is the greatest of all together."""
SESSION_KEPT = FORGOTTEN
"""For how long a viewing that ended bends the lists after it: a session."""
_KEPT = 256
"""Answers that are kept, for circumstances that come again."""


@dataclass(frozen=True)
class _Known:
    """Memories of one profile."""

    preferences: tuple[Memory, ...] = ()
    rhythms: tuple[Memory, ...] = ()


@dataclass(frozen=True)
class _Following:
    """What the last viewing of a session led to."""

    bonus: Mapping[str, float]
    until: datetime


@dataclass(frozen=True, eq=False)
class Suited:
    """How genres suit the present circumstances."""

    bonus: FloatArray
    """(g,) -1 to 1."""
    occasions: dict[str, str]
    """Genre -> when the household watches it, as words such as "in December"."""


class Preferences:
    """Readers of the tiers Semantic and Temporal, and of what leads to what. Safe for threads.

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
        self._following: dict[str, _Following] = {}

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

    def forget(self) -> None:
        """Drops what was read and what led where."""
        with self._lock:
            self._known, self._suited, self._following = {}, {}, {}

    def follow(self, profile_id: str, bonus: Mapping[str, float]) -> None:
        """Takes what the viewing that just ended leads to, in place of what the one before did.

        Args:
            profile_id: whose lists it bends, for SESSION_KEPT at most.
            bonus: genre -> bonus, held to -MOST_FOLLOWING..MOST_FOLLOWING; empty = nothing is sure.
        """
        held = {g: float(np.clip(b, -MOST_FOLLOWING, MOST_FOLLOWING)) for g, b in bonus.items()}
        with self._lock:
            self._following[profile_id] = _Following(held, self._now() + SESSION_KEPT)

    def _follows(self, profile_id: str) -> Mapping[str, float]:
        with self._lock:
            found = self._following.get(profile_id)
        return found.bonus if found and self._now() < found.until else {}

    def suited(
        self, profile_id: str, context: ViewingContext | None, genres: tuple[str, ...]
    ) -> Suited | None:
        """How genres (g,) suit a profile now; None when nothing is known. Touches no disk."""
        with self._lock:
            known = self._known.get(profile_id)
        follows = self._follows(profile_id)
        if not follows and (known is None or not (known.preferences or known.rhythms)):
            return None
        known = known or _Known()
        here, today = context or _NOTHING, self._now().astimezone(self._zone()).date()
        asked = (profile_id, here.time_of_day, here.mood, today, genres, *sorted(follows.items()))
        with self._lock:
            found = self._suited.get(asked)
        if found is None:
            affinity = semantic.genre_affinity(known.preferences, here, genres)
            season = seasons.seasonal_bonus(known.rhythms, today, genres)
            after = np.array([follows.get(name, 0.0) for name in genres], np.float32)
            when = f"in {MONTHS[today.month - 1]}"
            found = Suited(
                np.clip(affinity + season + after, -1, 1).astype(np.float32),
                {name: when for name, s in zip(genres, season.tolist(), strict=True) if s > 0},
            )
            with self._lock:
                if len(self._suited) > _KEPT:
                    self._suited.clear()
                self._suited[asked] = found
        return found
