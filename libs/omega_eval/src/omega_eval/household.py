"""A household's viewing history: the unit that every measurement splits and scores."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.viewing import ViewingEvent


@dataclass(frozen=True)
class Household:
    """One household and what it watched."""

    household_id: str
    """Unique within a data set, 1 to 64 characters of [A-Za-z0-9._:-]; starts with "synthetic-"
    when the history was generated."""
    events: tuple[ViewingEvent, ...]
    """In the order they were watched; each event_id is unique in the data set and the same in
    every load of it."""
    synthetic: bool
    """Whether the history was generated; whatever shows it says so."""
