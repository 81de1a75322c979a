"""Rows of other tables as memories: for whoever answers the ports."""

from __future__ import annotations

from datetime import datetime

from omega_core.content import Content
from omega_core.memory import KIND, Memory, Tier
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_memory.words import MOODS, TIMES, decimal


def viewing_memory(
    event: ViewingEvent,
    title: str,
    expires_at: datetime,
    embedding: FloatArray | None = None,
    model_version: str = "",
) -> Memory:
    """Episodic: a viewing, named by its event id. Importance is its reward.

    Viewings are never changed, so that recalls leave no trace in them: they count as accessed
    when they happened.

    Args:
        event: the viewing.
        title: its title's name.
        expires_at: when it is folded: its arrival and the tier's retention.
        embedding: unit vector (384,) of its title.
        model_version: encoder of the embedding.
    """
    metadata = {
        KIND: "viewing",
        "watched": decimal(event.watch_percentage),
        "success": str(event.success).lower(),
        "time": TIMES.get(event.context.time_of_day, ""),
        "mood": MOODS.get(event.context.mood, ""),
        "session_id": event.session_id,
        "source": event.source.name.lower(),
    }
    return Memory(
        tier=Tier.EPISODIC,
        key=event.event_id,
        profile_id=event.profile_id,
        content_id=event.content_id,
        text=f"{title}: {event.watch_percentage:.0%} watched."[:1_000],
        importance=event.reward,
        created_at=event.occurred_at,
        accessed_at=event.occurred_at,
        expires_at=expires_at,
        embedding=embedding,
        model_version="" if embedding is None else model_version,
        metadata={key: value for key, value in metadata.items() if value},
    )


def pattern_memory(
    pattern_id: str,
    success_rate: float,
    devices: int,
    centroid: FloatArray,
    model_version: str,
    learnt_at: datetime,
    like: str = "",
) -> Memory:
    """Collective: a taste that the fleet taught. Importance 0.6 to 1 by its success rate.

    Args:
        pattern_id: names it, 1 to 160 characters.
        success_rate: 0 to 1.
        devices: least number of TVs behind it.
        centroid: unit vector (384,).
        model_version: its encoder.
        learnt_at: when it came.
        like: the title nearest to it, for a person; may be empty.
    """
    near = f" for titles like {like}" if like else ""
    return Memory(
        tier=Tier.COLLECTIVE,
        key=pattern_id,
        text=f"A taste{near}, shared by {devices:,} TVs or more."[:1_000],
        importance=0.6 + 0.4 * success_rate,
        confidence=success_rate,
        created_at=learnt_at,
        accessed_at=learnt_at,
        embedding=centroid,
        model_version=model_version,
        metadata={KIND: "pattern", "success_rate": decimal(success_rate), "devices": str(devices)},
    )


def setting_memory(
    version: int, state: str, parent: int | None, fitness: float, decided_at: datetime
) -> Memory:
    """Architectural: ranking settings that were tried. Importance 1 in force, 0.8 else.

    Args:
        version: names them, from 1.
        state: "in_force", "rejected", "superseded" or "rolled_back".
        parent: version that they came from; None = those shipped.
        fitness: theirs, on held-back events.
        decided_at: when they were adopted or rejected.
    """
    came = "those shipped" if parent is None else f"version {parent}"
    return Memory(
        tier=Tier.ARCHITECTURAL,
        key=f"settings:{version}",
        text=f"Ranking settings {version}, from {came}: {state.replace('_', ' ')}.",
        importance=1.0 if state == "in_force" else 0.8,
        created_at=decided_at,
        accessed_at=decided_at,
        metadata={
            KIND: "settings",
            "version": str(version),
            "state": state,
            "parent": "" if parent is None else str(parent),
            "fitness": decimal(fitness),
        },
    )


def title_memory(
    content: Content,
    known_since: datetime,
    embedding: FloatArray | None = None,
    model_version: str = "",
) -> Memory:
    """Physical: facts of a title, named by its content id. Importance 0.96, as of every title.

    Args:
        content: the title.
        known_since: an instant for created_at; the same for all will do.
        embedding: unit vector (384,).
        model_version: encoder of the embedding.
    """
    facts = {
        "title_kind": content.kind.name.lower(),
        "year": str(content.year) if content.year else "",
        "country": content.country,
        "genres": ", ".join(content.genres)[:256],
        "minimum_age": "" if content.minimum_age is None else str(content.minimum_age),
    }
    about = ", ".join(part for part in (facts["year"], facts["genres"]) if part)
    return Memory(
        tier=Tier.PHYSICAL,
        key=content.content_id,
        content_id=content.content_id,
        text=f"{content.title} ({about})"[:1_000] if about else content.title,
        importance=0.96,
        created_at=known_since,
        accessed_at=known_since,
        embedding=embedding,
        model_version="" if embedding is None else model_version,
        metadata={KIND: "title", **{key: value for key, value in facts.items() if value}},
    )
