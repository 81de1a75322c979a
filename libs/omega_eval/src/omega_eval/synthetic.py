"""Seeded, made-up households over a real catalogue, for demonstrations and tests without data.

The model holds three signals, so that each kind of recommender has something to find: a long tail
of popularity; tastes in genre, time and country that a title's description shows; and hidden
scenes, groups of titles drawn at random across all genres, that only other households' histories
show. Nothing here comes from a real person, and every id starts with "synthetic-".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega_core.content import Content
from omega_core.errors import invalid
from omega_core.validate import integer
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_eval.household import Household

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

START = datetime(2024, 1, 1, tzinfo=UTC)
"""First day of the year that every household watches through."""
DAYS = 365
"""Length of that year."""
FEWEST, MOST = 15, 120
"""Titles a household watches, spread evenly on a logarithmic scale."""
SCENES = 12
"""Hidden groups of titles; each title belongs to one."""
MAX_HOUSEHOLDS = 100_000
"""Most households a call."""

_TAIL = 0.8  # Zipf exponent of popularity
_TASTE, _SCENE = 1.3, 2.2  # pull of a fit of one standard deviation, and of a liked scene
_YEARS, _NEAR, _HOME = 15.0, 0.5, 0.4  # width of a leaning in time; its weight, and a country's
_SLOTS = ((7, 1), (13, 2), (19, 3), (22, 4))  # first hour of two in a TimeOfDay
_AUDIENCES = 4
_WEEKDAY, _WEEKEND, _SATURDAY = 1, 2, 5


@dataclass(frozen=True, eq=False)
class _World:
    """What all households share: n titles, g genres."""

    ids: tuple[str, ...]
    popularity: Floats
    """(n,) logarithm of the weight a title has for a household without any taste."""
    scene: Ints
    """(n,) 0 to SCENES - 1."""
    genres: Floats
    """(n, g) 1 where the title has the genre."""
    year: Floats
    """(n,)"""
    country: NDArray[np.str_]
    """(n,)"""

    @classmethod
    def of(cls, contents: Sequence[Content], rng: np.random.Generator) -> Self:
        n = len(contents)
        vocabulary = sorted({genre for content in contents for genre in content.genres})
        return cls(
            ids=tuple(content.content_id for content in contents),
            popularity=-_TAIL * np.log1p(rng.permutation(n)),
            scene=rng.integers(SCENES, size=n),
            genres=np.array([[g in c.genres for g in vocabulary] for c in contents], float),
            year=np.array([content.year for content in contents], float),
            country=np.array([content.country for content in contents]),
        )


@dataclass(frozen=True, eq=False)
class _Taste:
    """One of a household's leanings and the circumstances it is followed in."""

    fit: Floats
    """(n,) mean 0, standard deviation 1."""
    hour: int
    """Earliest hour of the day, UTC."""
    time_of_day: int
    """As in omega_core.content.ViewingContext."""
    audience: int
    """The same."""


def synthetic_households(contents: Sequence[Content], count: int, seed: int) -> list[Household]:
    """`count` households that watched 15 to 120 different titles each during 2024.

    The same arguments always give the same households, and a larger count only adds to them.

    Args:
        contents: the titles on offer; when fewer than a household would watch, it watches all.
        count: how many, 0 to 100,000.
        seed: 0 or more.

    Raises:
        OmegaError: INVALID_FIELD when `contents` is empty or a number is out of bounds.
    """
    if not contents:
        raise invalid("contents", "at least one title")
    integer("count", count, 0, MAX_HOUSEHOLDS)
    integer("seed", seed, 0, 2**63 - 1)
    world = _World.of(contents, np.random.default_rng([seed]))
    return [_household(world, i, np.random.default_rng([seed, i + 1])) for i in range(count)]


def _household(world: _World, number: int, rng: np.random.Generator) -> Household:
    tastes = [_taste(world, rng) for _ in range(rng.integers(1, 4))]
    fits = np.array([taste.fit for taste in tastes])
    scenes = rng.choice(SCENES, size=rng.integers(2, 4), replace=False)
    likes = _TASTE * fits.max(axis=0) + _SCENE * np.isin(world.scene, scenes)
    length = int(np.exp(rng.uniform(np.log(FEWEST), np.log(MOST + 1))))
    # Gumbel top-k (Kool et al. 2019): no title twice, in proportion to exp(popularity + likes)
    keys = world.popularity + likes + rng.gumbel(size=likes.shape)
    watched = rng.permutation(np.argsort(-keys, kind="stable")[:length])
    liking = standard(likes)[watched]
    share = logistic(liking + rng.normal(size=watched.shape))
    engagement = (share + logistic(liking + rng.normal(size=watched.shape))) / 2
    occasions = [_occasion(tastes[k], rng) for k in fits[:, watched].argmax(axis=0)]
    household_id = f"synthetic-{number + 1:05d}"
    order = sorted(range(len(watched)), key=lambda k: occasions[k][0])
    events = tuple(
        ViewingEvent(
            event_id=f"{household_id}-{position:03d}",
            content_id=world.ids[watched[k]],
            watch_percentage=round(float(share[k]), 3),
            engagement_score=round(float(engagement[k]), 3),
            occurred_at=occasions[k][0],
            context=occasions[k][1],
        )
        for position, k in enumerate(order, 1)
    )
    return Household(household_id, events, synthetic=True)


def _taste(world: _World, rng: np.random.Generator) -> _Taste:
    """Two or three genres, a time and a country, common ones more often."""
    titles_with = world.genres.sum(axis=0)
    keys = np.log(titles_with) + rng.gumbel(size=titles_with.shape)
    chosen = np.argsort(-keys, kind="stable")[: rng.integers(2, 4)]
    mixture = rng.dirichlet(np.full(max(len(chosen), 1), 2.0))[: len(chosen)]
    year, country = rng.choice(world.year), rng.choice(world.country)
    raw = (
        world.genres[:, chosen] @ mixture
        + _NEAR * np.exp(-(((world.year - year) / _YEARS) ** 2))
        + _HOME * (world.country == country)
    )
    hour, time_of_day = _SLOTS[rng.integers(len(_SLOTS))]
    return _Taste(standard(raw), hour, time_of_day, int(rng.integers(1, _AUDIENCES + 1)))


def _occasion(taste: _Taste, rng: np.random.Generator) -> tuple[datetime, ViewingContext]:
    """When a title was watched, within two hours of the taste's own, and the circumstances."""
    seconds = int(rng.integers(2 * 3600))
    at = START + timedelta(days=int(rng.integers(DAYS)), hours=taste.hour, seconds=seconds)
    day_type = _WEEKEND if at.weekday() >= _SATURDAY else _WEEKDAY
    return at, ViewingContext(taste.time_of_day, day_type, taste.audience)


def standard(values: Floats) -> Floats:
    """Mean 0, standard deviation 1; all 0 when the values are equal."""
    centred = values - values.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-9))


def logistic(values: Floats | float) -> Floats:
    """1 / (1 + exp(-values))."""
    return np.asarray(1 / (1 + np.exp(-values)))
