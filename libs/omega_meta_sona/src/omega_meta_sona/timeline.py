"""The household's past as a sequence that can be replayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from omega_core.viewing import TitleRecord, ViewingEvent


def timeline(records: Iterable[TitleRecord], events: Iterable[ViewingEvent]) -> list[ViewingEvent]:
    """Viewings by time: those of `events`, and what `records` still tell of folded ones.

    Of a folded title its first viewing and its first success are known; viewings between and after
    them are not, so that a replay of the distant past moves a title less often than life did. The
    best reward stands with the last of the two.

    Args:
        records: folded titles of one profile.
        events: viewings that are not folded, of the same profile.
    """
    past = [viewing for record in records for viewing in _unfolded(record)]
    return sorted([*past, *events], key=lambda event: event.occurred_at)


def positives(viewings: Sequence[ViewingEvent]) -> list[int]:
    """Positions of first viewings of a title that succeeded: what a list could have offered."""
    seen: set[str] = set()
    found = []
    for position, viewing in enumerate(viewings):
        if viewing.success and viewing.content_id not in seen:
            found.append(position)
        seen.add(viewing.content_id)
    return found


def _unfolded(record: TitleRecord) -> list[ViewingEvent]:
    succeeded_at = record.first_success_at
    reward = record.best_reward
    if succeeded_at is None:
        # Of a viewing that did not succeed no more than its reward counts in a ranking.
        watched = min(reward, 0.7)
        engaged = min(max((reward - 0.7 * watched) / 0.3, 0.0), 1.0)
        return [_viewing(record, "first", watched, engaged, record.first_at)]
    success = _viewing(record, "success", 1.0, 1.0, succeeded_at)
    if succeeded_at <= record.first_at:
        return [success]
    return [_viewing(record, "first", 0.0, 0.0, record.first_at), success]


def _viewing(
    record: TitleRecord, which: str, watched: float, engaged: float, at: datetime
) -> ViewingEvent:
    return ViewingEvent(
        event_id=f"{which}:{record.content_id}"[:64],
        content_id=record.content_id,
        watch_percentage=watched,
        engagement_score=engaged,
        occurred_at=at,
        profile_id=record.profile_id,
    )
