"""Tonight: what is on and what was shown, from the event to the lists within seconds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from omega_agentdb import AgentDB
from omega_brain.answers import Answer
from omega_brain.household import Household
from omega_brain.weariness import Weariness
from omega_core.memory import Tier
from omega_core.taste import GENRE, facet, facets
from omega_core.viewing import ViewingEvent
from omega_loops import Changes, Context
from omega_memory import HouseholdMemory, tonight
from omega_rank.session import FORGOTTEN

Follow = Callable[[str, Mapping[str, float]], None]
"""(profile_id, genre -> bonus)."""
_SHOWN = 64
"""Answers that may wait to be remembered."""


class Evening:
    """Jobs of the Reflexive and the Reactive loop.

    Args:
        household: whose lists bend.
        memory: the tiers Instant and Session.
        agentdb: what led to what.
        follow: takes what the viewing that ended leads to.
        changed: called when lists may have changed.
    """

    def __init__(
        self,
        household: Household,
        memory: HouseholdMemory,
        agentdb: AgentDB,
        follow: Follow,
        changed: Callable[[], None],
    ) -> None:
        self._household = household
        self._memory = memory
        self._agentdb = agentdb
        self._follow = follow
        self._changed = changed
        self._lock = threading.Lock()
        self._shown: deque[tuple[Answer, str, datetime]] = deque(maxlen=_SHOWN)
        self._weary = Weariness(memory)

    def showed(self, answer: Answer, profile_id: str, now: datetime) -> None:
        """Notes an answer, to be remembered with the next event; costs an answer nothing."""
        with self._lock:
            self._shown.append((answer, profile_id, now))

    def forget(self) -> None:
        """Drops what waits and what was shown."""
        with self._lock:
            self._shown.clear()
        self._weary.forget()

    def bend(self, event: ViewingEvent, _context: Context) -> Changes:
        """Reflexive: a moment of watching bends the lists of the running session."""
        self._household.bend(event)
        return Changes({"lists_bent": 1})

    def refresh(self, event: ViewingEvent, context: Context) -> Changes:
        """Reactive: what is on and what was shown is remembered; watchers get a new list."""
        now = context.now
        shown_to, remembered = self._remember_shown(now)
        remembered += self._remember_viewing(event, now)
        concerned = {"", event.profile_id}
        if event.action.ends_viewing:
            for profile_id in sorted(concerned):
                self._follow(profile_id, self._leads_to(event, profile_id))
        for profile_id in sorted(shown_to | {p for p in concerned if not self._weary.knows(p)}):
            self._household.tire(profile_id, self._weary.of(profile_id, now), now + FORGOTTEN)
        self._changed()
        return Changes({"remembered": remembered})

    def _leads_to(self, event: ViewingEvent, profile_id: str) -> dict[str, float]:
        """Genre -> how much more likely it succeeds next, -1 to 1, where that is sure."""
        titles = self._household.titles.catalogue
        row = titles.row_of.get(event.content_id)
        found: dict[str, float] = {}
        for genre in () if row is None else titles.genres_of[row]:
            edges = self._agentdb.causal_effects(
                facet(GENRE, genre), profile_id=profile_id, only_sure=True
            )
            for after, uplift in facets(GENRE, {e.effect: e.uplift.value for e in edges}).items():
                # Genres of one title lead to the same: the strongest of them counts.
                found[after] = max(found.get(after, 0.0), uplift, key=abs)
        return found

    def _remember_shown(self, now: datetime) -> tuple[set[str], int]:
        """To whom something was shown since the last time, and how much was stored of it."""
        with self._lock:
            waiting, self._shown = list(self._shown), deque(maxlen=_SHOWN)
        count = 0
        for answer, profile_id, at in waiting:
            titles = [(title.content_id, title.title) for title in answer.titles]
            memories = tonight.shown(titles, answer.recommendation_id, profile_id, at)
            count += self._memory.store_all(memories, now)
            self._weary.showed(profile_id, memories)
        return {profile_id for _, profile_id, _ in waiting}, count

    def _remember_viewing(self, event: ViewingEvent, now: datetime) -> int:
        titles = self._household.titles.catalogue
        row = titles.row_of.get(event.content_id)
        if row is None:
            return 0
        if not event.action.ends_viewing:
            return int(self._memory.store(tonight.on_now(event, titles.titles[row]), now))
        key = tonight.VIEWING_PREFIX + event.content_id
        return sum(
            self._memory.delete(tier, key, now, event.profile_id)
            for tier in (Tier.INSTANT, Tier.SESSION)
        )
