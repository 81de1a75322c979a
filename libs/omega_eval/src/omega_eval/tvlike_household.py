"""One made-up household: who lives there, when they watch, and what they choose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core.viewing import ViewingContext, ViewingEvent
from omega_eval.household import Household
from omega_eval.synthetic import logistic, standard
from omega_eval.tvlike_world import (
    DAYS,
    REGIONS,
    SCENES,
    START,
    TREND_DAYS,
    Floats,
    TvWorld,
)

FEWEST, MOST = 40, 160
"""Viewings a household, spread evenly on a logarithmic scale."""
FAMILIES = ((1, 0), (2, 0), (1, 1), (2, 1), (2, 2))
"""Adults and children of each sort of household."""
SHARES = (0.3, 0.25, 0.1, 0.2, 0.15)
"""How often each sort occurs."""

_TASTE, _SCENE, _SEASON, _NEW, _TREND = 1.3, 2.0, 1.5, 1.0, 6.5  # pulls, in logits
_TREND_LIKED = 1.0  # what a trend adds to the liking of what it made one watch
_UNFIT = 3.0  # what an adult alone holds against a title for children
_NEW_DAYS = 30.0
_MORNING, _AFTERNOON, _EVENING, _LATE = 1, 2, 3, 4
_SOLO, _COUPLE, _FAMILY = 1, 2, 3
_WEEKDAY, _WEEKEND, _SATURDAY = 1, 2, 5
_TOGETHER = 0.3  # share of the weekend evenings that a family with children spends together
_CHILDS_SHARE = 0.45  # of the viewings of a household with children


@dataclass(frozen=True)
class Member:
    """Somebody of a household."""

    profile: str
    """As in the viewings, such as "child-1"."""
    kind: str
    """ "adult" or "child"."""
    genres: tuple[str, ...]
    """What they watch most."""


@dataclass(frozen=True, eq=False)
class Life:
    """A household and its year."""

    household: Household
    """With its viewings by time."""
    region: str
    """Where it lives."""
    members: tuple[Member, ...]
    """Who lives there."""


@dataclass(frozen=True, eq=False)
class _Viewer:
    """Somebody, or all together, in front of the screen."""

    profile: str
    liking: Floats
    """(n,) pull of each title; -inf where it is out of the question."""


@dataclass(frozen=True)
class _Occasion:
    """When somebody watches."""

    at: datetime
    viewer: int
    """Position in the household's viewers."""
    context: ViewingContext


def live_through(world: TvWorld, number: int, rng: np.random.Generator) -> Life:
    """The year of household `number`, drawn by `rng`."""
    household_id = f"synthetic-{number + 1:05d}"
    region = REGIONS[rng.integers(len(REGIONS))]
    adults, children = FAMILIES[rng.choice(len(FAMILIES), p=SHARES)]
    scenes = rng.choice(SCENES, size=rng.integers(2, 4), replace=False)
    kinds = ["adult"] * adults + ["child"] * children
    members, viewers, likes = [], [], []
    for place, kind in enumerate(kinds):
        profile = f"{kind}-{place + 1 if kind == 'adult' else place - adults + 1}"
        genres, pull = pull_of(world, kind, scenes, rng)
        likes.append(pull)
        members.append(Member(profile, kind, genres))
        unfit = -np.inf if kind == "child" else pull - _UNFIT
        suits = world.childrens == (kind == "child")
        viewers.append(_Viewer(profile, np.where(suits, pull, unfit)))
    if children:
        together = np.where(world.childrens, np.mean(likes, axis=0), -np.inf)
        viewers.append(_Viewer("", together))
    length = int(np.exp(rng.uniform(np.log(FEWEST), np.log(MOST + 1))))
    occasions = sorted((_occasion(adults, children, rng) for _ in range(length)), key=_when)
    events = _watched(world, household_id, region, viewers, occasions, rng)
    return Life(Household(household_id, events, synthetic=True), region, tuple(members))


def _when(occasion: _Occasion) -> datetime:
    return occasion.at


def pull_of(
    world: TvWorld, kind: str, scenes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[tuple[str, ...], Floats]:
    """A member's favourite genres, and the pull of each title."""
    held = world.carries[world.childrens == (kind == "child")].sum(axis=0)
    keys = np.log(np.maximum(held, 1e-9)) + rng.gumbel(size=held.shape)
    chosen = np.argsort(-keys, kind="stable")[: rng.integers(2, 4)]
    mixture = rng.dirichlet(np.full(len(chosen), 2.0))
    pull = _TASTE * standard(world.carries[:, chosen] @ mixture)
    pull += _SCENE * np.isin(world.scene, scenes)
    return tuple(world.genres[column] for column in sorted(chosen.tolist())), pull


def _occasion(adults: int, children: int, rng: np.random.Generator) -> _Occasion:
    """Children watch on weekday afternoons and weekend mornings, adults in the evening."""
    day = int(rng.integers(DAYS))
    weekend = (START + timedelta(days=day)).weekday() >= _SATURDAY
    day_type = _WEEKEND if weekend else _WEEKDAY
    child = bool(children) and rng.random() < _CHILDS_SHARE
    together = bool(children) and not child and weekend and rng.random() < _TOGETHER
    if child:
        hour, slot = (8, _MORNING) if weekend else (15, _AFTERNOON)
        viewer, audience = adults + int(rng.integers(children)), _FAMILY
    elif together:
        hour, slot, viewer, audience = 18, _EVENING, adults + children, _FAMILY
    else:
        hour, slot = (22, _LATE) if rng.random() < 0.2 else (19, _EVENING)  # noqa: PLR2004 - a chance, used once
        viewer = int(rng.integers(adults))
        audience = _COUPLE if adults > 1 and rng.random() < 0.6 else _SOLO  # noqa: PLR2004 - a chance, used once
    at = START + timedelta(days=day, hours=hour, seconds=int(rng.integers(2 * 3600)))
    return _Occasion(at, viewer, ViewingContext(slot, day_type, audience))


def _watched(
    world: TvWorld,
    household_id: str,
    region: str,
    viewers: list[_Viewer],
    occasions: list[_Occasion],
    rng: np.random.Generator,
) -> tuple[ViewingEvent, ...]:
    """One new title an occasion, drawn in proportion to exp(pull) (Gumbel-max)."""
    seen = np.zeros(len(world.contents), np.bool_)
    new = np.where(world.arrives > 0, _NEW, 0.0)
    events = []
    for position, occasion in enumerate(occasions, 1):
        viewer = viewers[occasion.viewer]
        day = (occasion.at - START) / timedelta(days=1)
        pull = world.popularity + viewer.liking + _SEASON * world.seasons[occasion.at.month - 1]
        age = day - world.arrives
        pull += new * np.exp(-np.maximum(age, 0) / _NEW_DAYS)
        liked = np.where(np.isfinite(viewer.liking), viewer.liking, 0.0)
        for row, begins in world.trending[region]:
            if begins <= day < begins + TREND_DAYS:
                pull[row] += _TREND
                liked[row] += _TREND_LIKED
        pull[(age < 0) | seen] = -np.inf
        row = int(np.argmax(pull + rng.gumbel(size=pull.shape)))
        if not np.isfinite(pull[row]):
            continue  # nothing left for this viewer
        seen[row] = True
        share = logistic(liked[row] / _TASTE + rng.normal())
        engaged = logistic(liked[row] / _TASTE + rng.normal())
        events.append(
            ViewingEvent(
                event_id=f"{household_id}-{position:03d}",
                content_id=world.contents[row].content_id,
                watch_percentage=round(float(share), 3),
                engagement_score=round(float(share + engaged) / 2, 3),
                occurred_at=occasion.at,
                context=occasion.context,
                profile_id=viewer.profile,
            )
        )
    return tuple(events)
