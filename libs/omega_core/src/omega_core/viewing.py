"""Circumstances, viewings and what is kept of a title that was viewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

SUCCESS_ABOVE = 0.7
"""A viewing succeeded when more than this share was watched."""


class PlaybackAction(IntEnum):
    """What happened to a playback; values as in omega.brain.v1.PlaybackAction."""

    UNSPECIFIED = 0
    PLAY = 1
    PAUSE = 2
    RESUME = 3
    STOP = 4
    SKIP = 5
    REWIND = 6
    FAST_FORWARD = 7
    COMPLETE = 8

    @property
    def ends_viewing(self) -> bool:
        """Whether the viewing is over and becomes history; else it is under way."""
        return self in _ENDS


_ENDS = frozenset(
    {
        PlaybackAction.UNSPECIFIED,
        PlaybackAction.STOP,
        PlaybackAction.SKIP,
        PlaybackAction.COMPLETE,
    }
)


class EventSource(IntEnum):
    """How the household came to a title; values as in omega.brain.v1.EventSource."""

    UNSPECIFIED = 0
    RECOMMENDATION = 1
    SEARCH = 2
    BROWSE = 3
    GUIDE = 4
    AUTOPLAY = 5


class Verdict(IntEnum):
    """What a person said of a title; values as in omega.brain.v1.Verdict."""

    UNSPECIFIED = 0
    LIKED = 1
    DISLIKED = 2


@dataclass(frozen=True)
class ViewingContext:
    """Circumstances of watching; values as in omega.common.v1, 0 = not known."""

    time_of_day: int = 0
    """0 to 4."""
    day_type: int = 0
    """0 to 3."""
    audience: int = 0
    """0 to 4."""
    mood: int = 0
    """0 to 4."""
    device_kind: int = 0
    """0 to 4."""

    @property
    def mask(self) -> int:
        """One bit for each stated part: bit value + 8 x position of the field. 0 = none stated.

        Masks of several viewings are joined by `|`; two share a part where `&` leaves a bit.
        """
        parts = (self.time_of_day, self.day_type, self.audience, self.mood, self.device_kind)
        return sum(1 << (8 * place + part) for place, part in enumerate(parts) if part)


@dataclass(frozen=True)
class ViewingEvent:
    """One viewing, or a moment of one under way; validated."""

    event_id: str
    """Idempotency key, 1 to 64 characters."""
    content_id: str
    """The title watched."""
    watch_percentage: float
    """Share watched, 0 to 1; of a viewing under way how far it has come."""
    engagement_score: float
    """0 to 1; 1 or 0 where a person said so."""
    occurred_at: datetime
    """When it happened or ended, aware."""
    session_id: str = ""
    """At most 64 characters."""
    recommendation_id: str = ""
    """The answer that led here, or empty."""
    context: ViewingContext = field(default_factory=ViewingContext)
    """Circumstances."""
    action: PlaybackAction = PlaybackAction.UNSPECIFIED
    """What happened."""
    watch_seconds: int = 0
    """Seconds watched, 0 to 86,400; 0 = not stated."""
    interaction_count: int = 0
    """Keys pressed meanwhile, 0 to 10,000."""
    source: EventSource = EventSource.UNSPECIFIED
    """How the household came to it."""
    profile_id: str = ""
    """Who watched, at most 64 characters; empty = the household as a whole."""
    verdict: Verdict = Verdict.UNSPECIFIED
    """What a person said."""

    @property
    def reward(self) -> float:
        """0.7 x share watched + 0.3 x engagement, 0 to 1."""
        return 0.7 * self.watch_percentage + 0.3 * self.engagement_score

    @property
    def success(self) -> bool:
        """Whether the household stayed: more than 70 % watched, and nobody disliked it."""
        return self.watch_percentage > SUCCESS_ABOVE and self.verdict is not Verdict.DISLIKED


@dataclass(frozen=True)
class TitleRecord:
    """All that ranking needs of one profile's viewings of one title, folded into one.

    Folding is exact: a history of records and events is the history of all the events. The order
    in which events are folded makes no difference.
    """

    content_id: str
    """The title."""
    profile_id: str
    """Who watched; empty = the household as a whole."""
    viewings: int
    """Events folded, at least 1."""
    successes: int
    """Those that succeeded."""
    best_reward: float
    """Greatest reward, 0 to 1."""
    circumstances: int
    """`|` of the events' context masks."""
    first_at: datetime
    """Earliest occurred_at, aware."""
    first_success_at: datetime | None
    """Earliest occurred_at of those that succeeded."""
    last_at: datetime
    """Latest occurred_at; with last_seq, the greatest pair (occurred_at, seq)."""
    last_seq: int
    """Order of arrival of that event."""
    liked_at: datetime | None = None
    """Latest occurred_at of the events whose verdict was LIKED, aware."""
    disliked_at: datetime | None = None
    """Latest occurred_at of those whose verdict was DISLIKED, aware."""
