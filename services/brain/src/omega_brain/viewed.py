"""What each profile has viewed in all: records of older viewings and the viewings since, as one."""

from __future__ import annotations

from omega_brain.stores import Stores
from omega_brain.viewers import joined
from omega_core.records import fold_event
from omega_core.viewing import TitleRecord


def folded(stores: Stores, profile_id: str = "") -> dict[str, TitleRecord]:
    """Records of what a profile viewed before its stored viewings, by content id.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    records = joined(stores.title_records.all_records(profile_id))
    return {record.content_id: record for record in records}


def viewed(stores: Stores, profile_id: str = "") -> dict[str, TitleRecord]:
    """A record of every title that a profile has viewed, by content id; empty = the household.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    found = folded(stores, profile_id)
    for entry in stores.events.all_events(profile_id):
        content_id = entry.event.content_id
        found[content_id] = fold_event(found.get(content_id), entry.event, entry.seq)
    return found
