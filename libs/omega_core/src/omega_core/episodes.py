"""Viewings as something to reflect on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from omega_core.viewing import ViewingEvent

TASK = "watched "
"""What a task begins with; the title follows."""


@dataclass(frozen=True)
class Episode:
    """A viewing as something to reflect on."""

    episode_id: str
    """Id of the viewing event."""
    session_id: str
    """Empty = not known."""
    task: str
    """"watched " and the title."""
    content_rowid: int
    """The title."""
    event: ViewingEvent
    """The viewing."""

    @property
    def reward(self) -> float:
        """0.7 x share watched + 0.3 x engagement, 0 to 1."""
        return self.event.reward

    @property
    def success(self) -> bool:
        """More than 70 % watched, and nobody disliked it."""
        return self.event.success

    @property
    def critique(self) -> str:
        """A sentence on how it went, by its reward."""
        return critique(self.event)

    @property
    def timestamp(self) -> datetime:
        """When it ended, aware."""
        return self.event.occurred_at

    @property
    def watch_seconds(self) -> int:
        """Seconds watched; 0 = not stated."""
        return self.event.watch_seconds


@dataclass(frozen=True)
class EpisodeTotals:
    """Episodes in sum."""

    count: int
    """Episodes."""
    success_rate: float
    """0 to 1; 0 without episodes."""
    mean_reward: float
    """0 to 1; 0 without episodes."""
    mean_seconds: float
    """Mean watch_seconds of those that state it; 0 where none does."""


def critique(event: ViewingEvent) -> str:
    """A sentence on how a viewing went, by its reward."""
    grades = ((0.9, "An excellent match"), (0.7, "A good match"), (0.3, "A partial match"))
    grade = next((text for least, text in grades if event.reward > least), "A poor match")
    return f"{grade}: {event.watch_percentage:.0%} watched, reward {event.reward:.2f}."
