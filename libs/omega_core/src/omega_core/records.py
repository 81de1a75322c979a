"""Folds viewings into records of titles.

A record is a semilattice with counters: sums, minima, maxima and unions. So any order of the
events and any way of splitting them into records that are merged later gives the same record.
"""

from __future__ import annotations

from datetime import datetime

from omega_core.viewing import TitleRecord, Verdict, ViewingContext, ViewingEvent

UNFOLDED = 8
"""Most viewings that a record is taken apart into."""
_PARTS = 5


def fold_event(record: TitleRecord | None, event: ViewingEvent, seq: int) -> TitleRecord:
    """The record with one more event in it.

    Args:
        record: what was folded before of the same title; None = nothing.
        event: a viewing that ended; each one is folded once.
        seq: its order of arrival.

    Raises:
        ValueError: the event is of another title.
    """
    at = event.occurred_at
    only = TitleRecord(
        content_id=event.content_id,
        profile_id=event.profile_id,
        viewings=1,
        successes=int(event.success),
        best_reward=event.reward,
        circumstances=event.context.mask,
        first_at=at,
        first_success_at=at if event.success else None,
        last_at=at,
        last_seq=seq,
        liked_at=at if event.verdict is Verdict.LIKED else None,
        disliked_at=at if event.verdict is Verdict.DISLIKED else None,
    )
    return only if record is None else merge(record, only)


def merge(a: TitleRecord, b: TitleRecord) -> TitleRecord:
    """The record of both records' events; records of two profiles give the household's.

    Commutative and associative. No event may be in both.

    Raises:
        ValueError: they are of two titles.
    """
    if a.content_id != b.content_id:
        raise ValueError(f"records of two titles: {a.content_id} and {b.content_id}")
    last = max(a, b, key=lambda record: (record.last_at, record.last_seq))
    return TitleRecord(
        content_id=a.content_id,
        profile_id=a.profile_id if a.profile_id == b.profile_id else "",
        viewings=a.viewings + b.viewings,
        successes=a.successes + b.successes,
        best_reward=max(a.best_reward, b.best_reward),
        circumstances=a.circumstances | b.circumstances,
        first_at=min(a.first_at, b.first_at),
        first_success_at=_earliest(a.first_success_at, b.first_success_at),
        last_at=last.last_at,
        last_seq=last.last_seq,
        liked_at=latest(a.liked_at, b.liked_at),
        disliked_at=latest(a.disliked_at, b.disliked_at),
    )


def unfold(record: TitleRecord) -> list[ViewingEvent]:
    """Viewings that a record may stand for, for what has to learn from them again; 1 to 8.

    An approximation. The first and the last are when they were, the others spread evenly between
    them; the share that succeeded is kept as nearly as their number allows, and the later ones
    did. A part of the context is stated where all that stated it agreed.
    """
    count = min(record.viewings, UNFOLDED)
    successes = round(count * record.successes / record.viewings)
    if record.successes:
        successes = max(successes, 1)
    if record.successes < record.viewings and count > 1:
        successes = min(successes, count - 1)
    span, gaps = record.last_at - record.first_at, max(count - 1, 1)
    context = _agreed(record.circumstances)
    return [
        ViewingEvent(
            event_id=f"record-{record.last_seq}-{place}",
            content_id=record.content_id,
            watch_percentage=float(place >= count - successes),
            engagement_score=float(place >= count - successes),
            occurred_at=record.last_at - span * (count - 1 - place) / gaps,
            context=context,
            profile_id=record.profile_id,
        )
        for place in range(count)
    ]


def _agreed(mask: int) -> ViewingContext:
    """The parts of which a mask holds one bit only."""
    parts = [mask >> (8 * place) & 0xFF for place in range(_PARTS)]
    return ViewingContext(*(p.bit_length() - 1 if p.bit_count() == 1 else 0 for p in parts))


def latest(a: datetime | None, b: datetime | None) -> datetime | None:
    """The later of two instants, where there is one."""
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def _earliest(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)
