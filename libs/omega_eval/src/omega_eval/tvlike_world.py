"""What all made-up households of omega_eval.tvlike share: titles, seasons, arrivals, trends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core.content import Content
from omega_core.errors import invalid

Floats = NDArray[np.float64]

START = datetime(2025, 1, 1, tzinfo=UTC)
"""First instant of the year."""
DAYS = 365
"""Length of the year."""
REGIONS = ("north", "south", "east", "west")
"""Where households live, equally often."""
TRENDS_A_REGION = 3
"""Trends planted in each region."""
TREND_DAYS = 21
"""How long a trend lasts."""
ARRIVING = 0.15
"""Share of the titles that arrive during the year."""
SCENES = 12
"""Hidden groups of titles; each title belongs to one, no description says to which."""
CHILDRENS = frozenset({"Family", "Animation"})
"""Genres of which a title for children has one."""
GROWN_UP = frozenset({"Horror", "Crime", "Thriller", "War", "Romance", "Politics"})
"""Genres of which it has none."""
SEASONS = {"Horror": (10,), "Family": (12,), "Romance": (2,), "Adventure": (7, 8)}
"""Months in which more of a genre is watched."""

_TAIL = 0.8  # Zipf exponent of popularity
_FIRST, _LAST = 30, 330  # days between which titles arrive and trends begin


@dataclass(frozen=True)
class Trend:
    """A title that one region takes to for a while."""

    region: str
    """Where."""
    title: str
    """Content id."""
    begins: datetime
    """First instant."""
    ends: datetime
    """First instant after it."""


@dataclass(frozen=True, eq=False)
class TvWorld:
    """What all households share: n titles, g genres."""

    contents: tuple[Content, ...]
    """The titles."""
    genres: tuple[str, ...]
    """Names of the columns below."""
    carries: Floats
    """(n, g) 1 where the title has the genre."""
    popularity: Floats
    """(n,) logarithm of the weight a title has without any taste."""
    scene: NDArray[np.int64]
    """(n,) 0 to SCENES - 1."""
    childrens: NDArray[np.bool_]
    """(n,) titles for children."""
    arrives: Floats
    """(n,) day from which it can be watched."""
    trends: tuple[Trend, ...]
    """Planted."""
    trending: dict[str, tuple[tuple[int, float], ...]]
    """(row, first day) of each region's trends."""
    seasons: Floats
    """(12, n) 1 in the row of a month in which a genre of the title has its season."""


def tv_world(contents: Sequence[Content], seed: int) -> TvWorld:
    """Draws popularity, scenes, arrivals and trends.

    Raises:
        OmegaError: INVALID_FIELD when there are too few titles for the trends.
    """
    n = len(contents)
    rng = np.random.default_rng([seed])
    genres = tuple(sorted({genre for each in contents for genre in each.genres}))
    carries = np.array([[g in c.genres for g in genres] for c in contents], float).reshape(n, -1)
    childrens = np.array(
        [bool(CHILDRENS & set(c.genres)) and not GROWN_UP & set(c.genres) for c in contents], bool
    )
    place = rng.permutation(n)
    arrives = np.zeros(n)
    late = rng.permutation(n)[: round(ARRIVING * n)]
    arrives[late] = rng.integers(_FIRST, _LAST, len(late))
    # In the middle of the tail, there from the first day, for everybody: only the trend lifts them.
    fitting = np.flatnonzero((place >= n // 4) & (arrives == 0) & ~childrens)
    wanted = TRENDS_A_REGION * len(REGIONS)
    if len(fitting) < wanted:
        raise invalid("contents", f"enough titles for {wanted} trends")
    rows = rng.choice(fitting, wanted, replace=False)
    days = rng.integers(_FIRST, _LAST, wanted)
    trends, trending = [], {}
    for place_of, region in enumerate(REGIONS):
        mine = slice(place_of * TRENDS_A_REGION, (place_of + 1) * TRENDS_A_REGION)
        trending[region] = tuple(
            zip(rows[mine].tolist(), days[mine].astype(float).tolist(), strict=True)
        )
        for row, day in trending[region]:
            begins = START + timedelta(days=day)
            ends = begins + timedelta(days=TREND_DAYS)
            trends.append(Trend(region, contents[row].content_id, begins, ends))
    return TvWorld(
        contents=tuple(contents),
        genres=genres,
        carries=carries,
        popularity=-_TAIL * np.log1p(place),
        scene=rng.integers(SCENES, size=n),
        childrens=childrens,
        arrives=arrives,
        trends=tuple(trends),
        trending=trending,
        seasons=_seasons(genres, carries),
    )


def _seasons(genres: Sequence[str], carries: Floats) -> Floats:
    table = np.zeros((12, len(carries)))
    for genre, months in SEASONS.items():
        if genre in genres:
            for month in months:
                table[month - 1] = np.maximum(table[month - 1], carries[:, genres.index(genre)])
    return table
