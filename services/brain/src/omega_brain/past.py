"""What is to be learnt from single viewings: new ones, and old ones after an erasure."""

from __future__ import annotations

from dataclasses import replace

from omega_brain.stores import Stores
from omega_core.records import unfold
from omega_persistence.events import RecordedEvent


def fresh(
    stores: Stores, mark: str, learnt_seq: int, most: int, *, records: bool = True
) -> list[RecordedEvent]:
    """The next viewings to learn from, by seq; empty = all is learnt.

    Where the household learns again, those are its viewings and what its records of titles may
    stand for, as the household's own: what profiles learnt of theirs stays. Of a record all come
    together, under one seq.

    Args:
        stores: the tables.
        mark: the learner's watermark, one of omega_persistence.relearning.MARKS.
        learnt_seq: where it stands.
        most: viewings, at least omega_core.records.UNFOLDED.
        records: whether records teach this learner anything.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    until = stores.relearning.until(mark)
    if not until:
        return stores.events.since(learnt_seq, most)
    groups = [[e] for e in stores.events.since(learnt_seq, most) if e.seq <= until]
    if records:
        groups += [
            [
                RecordedEvent(event, rowid, record.last_seq, event.occurred_at)
                for event in unfold(record)
            ]
            for rowid, record in stores.title_records.since(learnt_seq, most)
        ]
    groups.sort(key=lambda group: group[0].seq)
    found: list[RecordedEvent] = []
    for group in groups:
        if len(found) + len(group) > most:
            break
        found += [replace(e, event=replace(e.event, profile_id="")) for e in group]
    if found:
        return found
    stores.relearning.finish(mark)
    return stores.events.since(until, most)
