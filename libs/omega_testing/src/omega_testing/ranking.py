"""Small random worlds for the ranker: titles, a household's events, the fleet's model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from omega_core import vectors
from omega_core.content import Content, ContentKind
from omega_core.records import fold_event
from omega_core.vectors import FloatArray
from omega_core.viewing import TitleRecord, Verdict, ViewingContext, ViewingEvent
from omega_rank import Catalogue, CollectiveModel, Factors, GlobalPatterns, History

START = datetime(2024, 1, 1, tzinfo=UTC)
"""When the first viewing may have ended."""
GENRES = ("Comedy", "Crime", "Drama", "Horror", "Western")
"""Genres that titles draw from."""


@dataclass(frozen=True, eq=False)
class World:
    """Everything a ranking reads, and what it was made from."""

    contents: tuple[Content, ...]
    """Titles by row; some without genres or year."""
    embeddings: FloatArray
    """Unit rows as an encoder would give them, (n, 384)."""
    catalogue: Catalogue
    """The titles as arrays, ordinals shuffled."""
    factors: Factors
    """What the fleet sent."""
    model: CollectiveModel
    """The same over the catalogue's rows."""
    events: tuple[ViewingEvent, ...]
    """The household's viewings in order of arrival."""
    history: History
    """The same as state."""


def random_contents(rng: np.random.Generator, count: int, start: int = 0) -> tuple[Content, ...]:
    """Titles t<start> and on, each with up to 3 genres."""
    return tuple(
        Content(
            f"t{i}",
            f"Title {i}",
            ContentKind.MOVIE,
            tuple(rng.choice(GENRES, rng.integers(0, 4), replace=False).tolist()),
            int(rng.choice([0, *range(1990, 2024)])),
        )
        for i in range(start, start + count)
    )


def random_embeddings(rng: np.random.Generator, count: int) -> FloatArray:
    """Unit rows (count, 384) around four topics."""
    topics = rng.normal(size=(4, 384))
    noise = rng.normal(size=(count, 384))
    return vectors.unit((topics[rng.integers(0, 4, count)] + noise).astype(np.float32))


def random_events(
    rng: np.random.Generator, titles: int, count: int, first_id: int = 0
) -> tuple[ViewingEvent, ...]:
    """Events with rewatches, shared instants and every kind of opinion, in order of arrival."""
    return tuple(
        ViewingEvent(
            f"e{first_id + k}",
            f"t{rng.integers(0, titles)}",
            float(rng.choice([0.1, 0.65, 0.95])),
            float(rng.choice([0.1, 0.9])),
            START + timedelta(hours=int(rng.integers(0, 2 * count + 1))),
            context=ViewingContext(*(int(v) for v in rng.integers(0, [5, 4, 5, 5, 5]))),
        )
        for k in range(count)
    )


def with_verdicts(
    rng: np.random.Generator, events: Sequence[ViewingEvent], share: float = 0.3
) -> tuple[ViewingEvent, ...]:
    """The events, some of them with what a person said; the engagement follows it."""
    said = [
        (Verdict.LIKED, Verdict.DISLIKED)[rng.integers(2)] if rng.random() < share else None
        for _ in events
    ]
    return tuple(
        event
        if verdict is None
        else replace(event, verdict=verdict, engagement_score=float(verdict is Verdict.LIKED))
        for event, verdict in zip(events, said, strict=True)
    )


def folded(
    events: Sequence[ViewingEvent], seqs: Sequence[int], chosen: Collection[int]
) -> list[TitleRecord]:
    """Records of the events at places `chosen`, one a title."""
    records: dict[str, TitleRecord] = {}
    for place in chosen:
        event = events[place]
        held = records.get(event.content_id)
        records[event.content_id] = fold_event(held, event, seqs[place])
    return list(records.values())


def snapshot(history: History, *contexts: ViewingContext) -> dict[str, object]:
    """All that a history tells, but the nearest likes, as values that compare exactly."""
    queries = [history.query(context) for context in (None, *contexts)]
    rows = range(len(history.catalogue))
    return {
        "rows": [query.rows.tolist() for query in queries],
        "weights": [query.weights.tolist() for query in queries],
        "seen": history.seen.tolist(),
        "liked": history.liked.tolist(),
        "counts": (history.likes, history.events),
        "rates": [history.success_rate(row) for row in rows],
        "viewings": [history.viewings(row) for row in rows],
        "taste": history.taste_vector().tolist(),
    }


def random_factors(rng: np.random.Generator, ordinals: list[int], rank: int = 6) -> Factors:
    """A pack for the titles at `ordinals`."""
    count = len(ordinals)
    share = rng.random(count) + 0.01
    return Factors(
        ordinals=np.array(ordinals, np.int64),
        factors=rng.integers(-127, 128, (count, rank)).astype(np.int8),
        steps=(rng.random(rank) * 0.01 + 1e-3).astype(np.float32),
        gains=(1 + rng.random(count)).astype(np.float32),
        prior=(share / share.sum()).astype(np.float32),
    )


def random_patterns(rng: np.random.Generator, count: int) -> GlobalPatterns:
    """Patterns that point anywhere."""
    return GlobalPatterns(
        vectors.unit(rng.normal(size=(count, 384)).astype(np.float32)),
        rng.random(count).astype(np.float32),
        rng.random(count).astype(np.float32),
    )


def make_world(seed: int, titles: int = 80, viewings: int = 25, known: float = 0.7) -> World:
    """A world from a seed; `known` is the share of titles that have a factor."""
    rng = np.random.default_rng(seed)
    contents = random_contents(rng, titles)
    embeddings = random_embeddings(rng, titles)
    catalogue = Catalogue.build(contents, embeddings, None, rng.permutation(titles))
    ordinals = sorted(rng.permutation(titles)[: max(1, int(known * titles))].tolist())
    factors = random_factors(rng, ordinals)
    events = random_events(rng, titles, viewings)
    return World(
        contents=contents,
        embeddings=embeddings,
        catalogue=catalogue,
        factors=factors,
        model=CollectiveModel.build(catalogue, factors),
        events=events,
        history=History.replay(catalogue, events),
    )
