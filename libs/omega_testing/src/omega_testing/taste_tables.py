"""A household's database with titles of known direction, and viewings of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_core.clock import ManualClock
from omega_core.content import Content, ContentKind
from omega_core.limits import DIMENSION
from omega_core.taste import Skill, Tally, TasteViewing
from omega_core.vectors import FloatArray, unit
from omega_core.viewing import ViewingContext
from omega_persistence import Contents, Database, StoredContent

START = datetime(2026, 1, 5, 18, tzinfo=UTC)
"""When made-up viewings begin."""
GENRES = ("Crime", "Drama", "Comedy", "Documentary", "Horror", "Romance")
"""Genre of the groups, in turn."""


@dataclass
class FixedTitles:
    """Vectors by rowid. Answers the port TitleVectors of omega_agentdb."""

    rows: dict[int, FloatArray] = field(default_factory=dict)
    """Centred unit vectors (384,)."""
    model_version: str = "encoder-1"
    """Their encoder."""

    def centred(self, rowids: NDArray[np.int64]) -> FloatArray:
        """Vectors (n, 384); zero where a title is not known."""
        zero = np.zeros(DIMENSION, np.float32)
        found = [self.rows.get(rowid, zero) for rowid in rowids.tolist()]
        return np.array(found, np.float32).reshape(len(found), DIMENSION)


def groups_of_titles(
    groups: int, each: int, *, closeness: float = 0.5, seed: int = 0
) -> FloatArray:
    """Unit vectors (groups x each, 384): cosine `closeness` within a group, about 0 across."""
    random = np.random.default_rng(seed)
    shared, own = (
        unit(random.standard_normal((n, DIMENSION)).astype(np.float32))
        for n in (groups, groups * each)
    )
    mixed = np.sqrt(closeness) * np.repeat(shared, each, axis=0) + np.sqrt(1 - closeness) * own
    return unit(np.asarray(mixed, np.float32))


def titles(vectors: FloatArray) -> FixedTitles:
    """Vectors (n, 384) of the titles with rowids 1 to n."""
    return FixedTitles({i + 1: row for i, row in enumerate(vectors)})


@contextmanager
def database_of_titles(count: int) -> Iterator[Database]:
    """A database in a folder of its own that holds titles with rowids 1 to `count`."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(Path(folder, "omega.db"), clock=ManualClock(START))
        try:
            Contents(database).upsert(
                [
                    StoredContent(
                        content=Content(f"c{i + 1}", f"Title {i + 1}", ContentKind.MOVIE),
                        embedding=unit(random.standard_normal(DIMENSION).astype(np.float32)),
                        model_version="encoder-1",
                    )
                    for i in range(count)
                ]
            )
            yield database
        finally:
            database.close()


def viewing(
    seq: int, rowid: int, *, hours: float | None = None, success: bool = True, **rest: object
) -> TasteViewing:
    """A viewing that ended `hours` (by default 5 x seq) after START."""
    at = START + timedelta(hours=5.0 * seq if hours is None else hours)
    given = {"genres": ("Drama",), "kind": 1, "context": ViewingContext(time_of_day=3), **rest}
    return TasteViewing(
        seq=seq,
        content_rowid=rowid,
        at=at,
        success=success,
        reward=0.9 if success else 0.2,
        **given,  # type: ignore[arg-type]  # fields by name
    )


def pattern(
    skill_id: int,
    *,
    profile_id: str = "",
    centroid: FloatArray | None = None,
    tally: Tally | None = None,
) -> Skill:
    """A pattern without members."""
    return Skill(
        skill_id=skill_id,
        profile_id=profile_id,
        name=f"Pattern {skill_id}",
        centroid=np.eye(1, DIMENSION, dtype=np.float32)[0] if centroid is None else centroid,
        model_version="encoder-1",
        tally=tally or Tally(START),
        members=0,
        resultant=0.0,
        created_at=START,
    )
