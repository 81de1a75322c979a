"""Households whose taste is known, for tests of self-tuning: a small world with a planted habit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core import vectors
from omega_core.content import Content, ContentKind
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_rank import Catalogue, CollectiveModel, Factors, History

START = datetime(2025, 1, 1, 20, tzinfo=UTC)
"""When the first viewing ended."""
GENRES = tuple(f"Genre {letter}" for letter in "ABCDEFGH")
"""A title has one."""
TOPICS = 20
"""Directions that embeddings gather around; they say nothing of the genre."""
Pick = Callable[[NDArray[np.int64], int], int]
"""Chooses one of the rows not seen yet for the viewing of that number."""


@dataclass(frozen=True, eq=False)
class PlantedWorld:
    """Titles and a fleet whose knowledge is worth nothing."""

    catalogue: Catalogue
    """n titles."""
    model: CollectiveModel
    """Random factors: noise that the shipped weights listen to."""
    topics: NDArray[np.int64]
    """(n,) topic of each title."""

    def genre(self, row: int) -> str:
        """Of a title."""
        return self.catalogue.genres_of[row][0]


def planted_world(seed: int, titles: int = 600) -> PlantedWorld:
    """A world from a seed."""
    rng = np.random.default_rng(seed)
    contents = [
        Content(
            f"t{i}", f"Title {i}", ContentKind.MOVIE, (str(rng.choice(GENRES)),), year=2000 + i % 20
        )
        for i in range(titles)
    ]
    topics = rng.integers(0, TOPICS, titles)
    middles = rng.normal(size=(TOPICS, 384))
    embeddings = vectors.unit(
        (middles[topics] + 0.7 * rng.normal(size=(titles, 384))).astype(np.float32)
    )
    catalogue = Catalogue.build(contents, embeddings, None, np.arange(titles))
    return PlantedWorld(catalogue, _noise(rng, catalogue), topics.astype(np.int64))


def viewings(world: PlantedWorld, pick: Pick, count: int, first: int = 0) -> list[ViewingEvent]:
    """`count` successes, one a day, of titles that `pick` chooses; `first` numbers the first."""
    unseen = np.arange(len(world.catalogue), dtype=np.int64)
    events = []
    for number in range(first, first + count):
        row = pick(unseen, number)
        unseen = unseen[unseen != row]
        events.append(success(world, row, number))
    return events


def history(world: PlantedWorld, pick: Pick, count: int) -> History:
    """The household after `count` such viewings."""
    return History.replay(world.catalogue, viewings(world, pick, count))


def success(world: PlantedWorld, row: int, number: int) -> ViewingEvent:
    """A title watched to the end on day `number`."""
    return ViewingEvent(
        event_id=f"e{number}",
        content_id=world.catalogue.ids[row],
        watch_percentage=1.0,
        engagement_score=1.0,
        occurred_at=START + timedelta(days=number),
    )


def stopped(world: PlantedWorld, row: int, number: int) -> ViewingEvent:
    """A title given up after a tenth on day `number`."""
    return replace(success(world, row, number), watch_percentage=0.1)


def anything(seed: int) -> Pick:
    """No taste at all: no ranking is better than another."""
    rng = np.random.default_rng(seed)
    return lambda unseen, _number: int(rng.choice(unseen))


def genre_fans(world: PlantedWorld, seed: int, genres: tuple[str, ...]) -> Pick:
    """Any title of some genres, whatever else it is; anything once they are used up."""
    rng = np.random.default_rng(seed)

    def pick(unseen: NDArray[np.int64], _number: int) -> int:
        fitting = [row for row in unseen.tolist() if world.genre(row) in genres]
        return int(rng.choice(fitting or unseen))

    return pick


def latest_craze(world: PlantedWorld, seed: int, length: int) -> Pick:
    """Titles of one topic for `length` viewings, then of another: only the last ones tell."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(TOPICS)

    def pick(unseen: NDArray[np.int64], number: int) -> int:
        topic = order[(number // length) % TOPICS]
        fitting = unseen[world.topics[unseen] == topic]
        return int(rng.choice(fitting if len(fitting) else unseen))

    return pick


def _noise(rng: np.random.Generator, catalogue: Catalogue) -> CollectiveModel:
    n = len(catalogue)
    share = (rng.random(n) + 0.1).astype(np.float32)
    steps: FloatArray = np.full(8, 1e-2, np.float32)
    pack = Factors(
        ordinals=np.arange(n, dtype=np.int64),
        factors=rng.integers(-127, 128, (n, 8)).astype(np.int8),
        steps=steps,
        gains=np.ones(n, np.float32),
        prior=share / share.sum(),
    )
    return CollectiveModel.build(catalogue, pack)
