"""Instant and Session: what is on, and what was shown and done tonight."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from omega_core.memory import KIND, Memory, Tier
from omega_core.vectors import FloatArray
from omega_core.viewing import PlaybackAction, ViewingContext, ViewingEvent
from omega_memory.words import decimal

VIEWING_PREFIX = "viewing:"
"""Keys of viewings under way begin so."""
SHOWN_PREFIX = "shown:"
"""Keys of titles that were shown begin so."""
SHOWN_IMPORTANCE = 0.1
"""Of a title that was shown: what Session asks for, and less than Episodic does."""
_TIRING = 3.0


def on_now(
    event: ViewingEvent,
    title: str,
    embedding: FloatArray | None = None,
    model_version: str = "",
) -> Memory:
    """A viewing under way, for Instant: one memory a title, as its latest moment has it.

    Importance is the reward so far. Once the viewing ends, delete it from Instant and Session.
    """
    context = event.context
    return Memory(
        tier=Tier.INSTANT,
        key=VIEWING_PREFIX + event.content_id,
        profile_id=event.profile_id,
        content_id=event.content_id,
        text=f"{title} is on, {event.watch_percentage:.0%} watched."[:1_000],
        importance=event.reward,
        created_at=event.occurred_at,
        accessed_at=event.occurred_at,
        embedding=embedding,
        model_version="" if embedding is None else model_version,
        metadata={
            KIND: "viewing",
            "action": event.action.name.lower(),
            "at": event.occurred_at.isoformat(),
            "watched": decimal(event.watch_percentage),
            "engaged": decimal(event.engagement_score),
            "session_id": event.session_id,
            "recommendation_id": event.recommendation_id,
            "context": ",".join(
                str(part)
                for part in (
                    context.time_of_day,
                    context.day_type,
                    context.audience,
                    context.mood,
                    context.device_kind,
                )
            ),
        },
    )


def unfinished_viewing(memory: Memory) -> ViewingEvent | None:
    """The viewing that a memory of `on_now` stands for, ended where its last moment left it.

    For EpisodeSource.accept: a set that was switched off never says that a viewing ended. The
    event id follows from the memory, so that the same one is never recorded twice. None when the
    memory is of no viewing.
    """
    known = memory.metadata
    if known.get(KIND) != "viewing":
        return None
    name = f"{memory.profile_id}\n{memory.content_id}\n{known['session_id']}\n{known['at']}"
    return ViewingEvent(
        event_id="unfinished-" + hashlib.sha256(name.encode()).hexdigest()[:32],
        content_id=memory.content_id,
        watch_percentage=float(known["watched"]),
        engagement_score=float(known["engaged"]),
        occurred_at=datetime.fromisoformat(known["at"]),
        session_id=known["session_id"],
        recommendation_id=known["recommendation_id"],
        context=ViewingContext(*map(int, known["context"].split(","))),
        action=PlaybackAction.STOP,
        profile_id=memory.profile_id,
    )


def shown(
    titles: Sequence[tuple[str, str]], recommendation_id: str, profile_id: str, now: datetime
) -> list[Memory]:
    """Titles (content_id, name) of one answer, for Instant: one memory a title and minute."""
    minute = int(now.timestamp()) // 60
    return [
        Memory(
            tier=Tier.INSTANT,
            key=f"{SHOWN_PREFIX}{content_id}:{minute}",
            profile_id=profile_id,
            content_id=content_id,
            text=f"{name} was shown."[:1_000],
            importance=SHOWN_IMPORTANCE,
            created_at=now,
            accessed_at=now,
            metadata={
                KIND: "shown",
                "recommendation_id": recommendation_id,
                "rank": str(rank),
            },
        )
        for rank, (content_id, name) in enumerate(titles, 1)
    ]


def current(memories: Iterable[Memory]) -> Memory | None:
    """What is on: the viewing of the latest moment among living memories of Instant."""
    viewings = (each for each in memories if each.metadata.get(KIND) == "viewing")
    return max(viewings, key=lambda each: (each.metadata["at"], each.key), default=None)


def fatigue(memories: Iterable[Memory], content_ids: Sequence[str]) -> FloatArray:
    """(len(content_ids),) how tired people are of seeing a title, 0 to 1: 1 - e^(-times / 3).

    Args:
        memories: those of Instant and Session.
        content_ids: titles that may be shown again.
    """
    times: dict[str, int] = {}
    for memory in memories:
        if memory.metadata.get(KIND) == "shown":
            times[memory.content_id] = times.get(memory.content_id, 0) + 1
    found = [1.0 - math.exp(-times.get(each, 0) / _TIRING) for each in content_ids]
    return np.asarray(found, np.float32)
