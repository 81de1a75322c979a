"""Viewings and profiles: stored durably, then learnt, in one step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from omega_brain.household import Household
from omega_brain.runtime import Runtime
from omega_brain.stores import Stores
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_persistence.events import Recorded
from omega_runtime import CircuitOpen, Part

T = TypeVar("T")


@dataclass(frozen=True)
class Observed:
    """What became of an event."""

    recorded: bool
    """False: its id was known; nothing was changed."""
    place: int
    """Its title's place in the list that led to it, from 1; 0 = not known."""


class Recording:
    """Stores what happens and teaches the household.

    Args:
        stores: where it is durable.
        household: what learns.
        runtime: guards the database.
        lock: held while a viewing is stored and learnt, so that no replay of the stored ones
            counts it twice or not at all.
        notify: is given each stored event afterwards.
    """

    def __init__(
        self,
        stores: Stores,
        household: Household,
        runtime: Runtime,
        lock: threading.Lock,
        notify: Callable[[ViewingEvent], None],
    ) -> None:
        self._stores = stores
        self._household = household
        self._store = runtime.part(Part.STORE)
        self._lock = lock
        self._notify = notify

    def observe(self, event: ViewingEvent) -> Observed:
        """Stores an event, durably, and learns from it.

        Raises:
            OmegaError: UNKNOWN_CONTENT, UNKNOWN_PROFILE, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._lock:
            self._require_ranked(event)
            recorded = self._guarded(lambda: self._stores.events.record(event))
            if recorded:
                self._learn(event)
        if recorded:
            self._notify(event)
        place = 0
        if event.recommendation_id:
            place = self._stores.recommendations.place_of(event.recommendation_id, event.content_id)
        return Observed(recorded, place)

    def observe_all(self, events: Sequence[ViewingEvent]) -> list[Recorded]:
        """Stores many in one transaction; one that is refused stops no other.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; none of them was stored.
        """
        with self._lock:
            known = self._household.titles.catalogue.row_of
            ranked = [event for event in events if event.content_id in known]
            stored = iter(self._guarded(lambda: self._stores.events.record_all(ranked)))
            outcomes = [
                next(stored) if event.content_id in known else Recorded.UNKNOWN_CONTENT
                for event in events
            ]
            fresh = [e for e, o in zip(events, outcomes, strict=True) if o is Recorded.NEW]
            for event in fresh:
                self._learn(event)
        for event in fresh:
            self._notify(event)
        return outcomes

    def put_profile(self, profile: Profile) -> bool:
        """Keeps a profile; True when there was none of its id.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._lock:
            added = self._guarded(lambda: self._stores.profiles.put(profile))
            self._household.put_profile(profile)
            return added

    def learn_stored(self, events: Sequence[ViewingEvent]) -> None:
        """Learns viewings that were stored by another way than `observe`, once each."""
        with self._lock:
            for event in events:
                self._learn(event)

    def _learn(self, event: ViewingEvent) -> None:
        if event.action.ends_viewing:
            entry = self._stores.events.get(event.event_id)
            if entry is not None:
                self._household.observe(event, entry.seq)

    def _require_ranked(self, event: ViewingEvent) -> None:
        # A title may be stored and not ranked yet: its upsert has not been answered.
        if event.content_id in self._household.titles.catalogue.row_of:
            return
        if self._stores.events.get(event.event_id) is None:
            raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_id")

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return self._store.call(call)
        except CircuitOpen as refused:
            raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE, detail=str(refused)) from refused
