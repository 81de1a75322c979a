"""A small fleet whose tastes are known: each household likes two groups of titles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from omega_core.content import Content, ContentKind
from omega_core.vectors import FloatArray, unit
from omega_core.viewing import ViewingEvent
from omega_eval.household import Household
from omega_eval.policies import Shard
from omega_eval.split import split
from omega_eval.world import World, build_world, served

TITLES, GROUPS, HOUSEHOLDS, VIEWED = 120, 6, 45, 20
GENRES = ("Comedy", "Crime", "Drama", "Western")
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def group_embeddings() -> FloatArray:
    """Vectors (120, 384) that say little of a title's group, which is its row modulo 6."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(GROUPS, 384))
    noise = rng.normal(size=(TITLES, 384))
    return unit((0.4 * topics[np.arange(TITLES) % GROUPS] + noise + 0.3).astype(np.float32))


@pytest.fixture(scope="session")
def group_contents() -> list[Content]:
    """Their titles."""
    return [
        Content(
            f"t{i}", f"Title {i}", ContentKind.MOVIE, (f"Genre {i % GROUPS % 3}",), 1990 + i % 30
        )
        for i in range(TITLES)
    ]


@pytest.fixture(scope="session")
def group_households() -> list[Household]:
    """45 households with 20 viewings each, one an hour; every tenth viewing fails."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(HOUSEHOLDS):
        groups = rng.choice(GROUPS, 2, replace=False)
        titles = rng.permutation([i for i in range(TITLES) if i % GROUPS in groups])[:VIEWED]
        events = tuple(
            ViewingEvent(
                f"{number}-{i}", f"t{i}", share, share, START + timedelta(days=number, hours=k)
            )
            for k, i in enumerate(titles)
            for share in [0.2 if k % 10 == 4 else 0.95]
        )
        made.append(Household(f"synthetic-{number}", events, synthetic=True))
    return made


@pytest.fixture(scope="session")
def shard(group_contents: list[Content], group_embeddings: FloatArray) -> Shard:
    """The catalogue as TVs hold it."""
    return Shard(*served(group_contents, group_embeddings, "encoder-1"))


@pytest.fixture(scope="session")
def small_world(shard: Shard, group_households: list[Household]) -> World:
    """The fleet, the last fifth of each household held out."""
    return build_world(shard.pack, shard.catalogue, split(group_households))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """96 films; 30 users who like 12 of one genre and little else."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "ml"
    folder.mkdir()
    films = [f"{i},Film {i} ({1980 + i % 30}),{GENRES[i % 4]}" for i in range(1, 97)]
    ratings = [
        f"{user},{4 * place + user % 4 + 1},5.0,{1_000_000_000 + 86_400 * n}"
        for user in range(1, 31)
        for n, place in enumerate(rng.permutation(23)[:12])
    ]
    tables = {
        "movies.csv": ["movieId,title,genres", *films],
        "ratings.csv": ["userId,movieId,rating,timestamp", *ratings],
        "tags.csv": ["userId,movieId,tag,timestamp"],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return folder
