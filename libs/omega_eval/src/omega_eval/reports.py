"""What a TV would report of its household, before any policy makes messages of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_agentdb.config import SkillConfig
from omega_agentdb.skill_set import Added, SkillSet
from omega_core.limits import DIMENSION
from omega_core.taste import TasteViewing
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent
from omega_eval.metrics import RowArray
from omega_eval.world import World
from omega_privacy import SketchPolicy, class_byte, count_class, rate_class
from omega_privacy.classes import coarsened
from omega_rank import Catalogue

_LEAST_NORM = 0.5


@dataclass(frozen=True, eq=False)
class Television:
    """One TV of a fleet, and the titles that it would report."""

    device_key: str
    """Names it towards the server."""
    number: int
    """Position in the fleet; with a title's row it names the noise that the TV stored."""
    rows: RowArray
    """(m,) distinct catalogue rows, ascending."""
    classes: bytes
    """(m,) class byte of each: success rate and number of viewings."""


@dataclass(frozen=True)
class NoiseStore:
    """Noise as each TV drew it for a title once and kept it.

    Drawn by a seed that names TV and title, so it is the same whenever it is asked for: in each
    policy, after each restart, for each encoder.
    """

    seed: int
    """0 or more."""

    def of(self, number: int, row: int) -> FloatArray:
        """(384,) standard normal noise of TV `number` for the title at `row`."""
        rng = np.random.default_rng([self.seed, number, row])
        return rng.standard_normal(DIMENSION, np.float32)


def televisions(world: World, policy: SketchPolicy | None = None) -> list[Television]:
    """What each household's TV would report of its training events, in the order of households.

    As the brain decides it: liked titles with a direction whose own success rate, and number of
    viewings of the taste pattern they belong to, meet the policy. Patterns are learnt viewing by
    viewing (omega_agentdb); the slow upkeep that merges and splits them is left out.

    Args:
        world: the households.
        policy: which titles qualify; absent = as shipped.
    """
    policy = policy or SketchPolicy.default()
    directed = np.linalg.norm(world.catalogue.embeddings, axis=1) > _LEAST_NORM
    fleet = []
    for number, household in enumerate(world.households):
        history = world.histories[number]
        samples = pattern_samples(world.catalogue, household.train)
        rows, classes = [], bytearray()
        for row in np.flatnonzero(history.liked & directed).tolist():
            rate = history.success_rate(row)
            if policy.qualifies(rate, rate, samples.get(row, 0)):
                rows.append(row)
                kind = class_byte(rate_class(rate), count_class(history.viewings(row)))
                classes.append(coarsened(kind, policy.detail))
        fleet.append(
            Television(household.household_id, number, np.array(rows, np.int64), bytes(classes))
        )
    return fleet


def pattern_samples(catalogue: Catalogue, events: Sequence[ViewingEvent]) -> dict[int, int]:
    """Viewings behind the taste pattern of each title watched, by row."""
    patterns = SkillSet("", SkillConfig(), "", (), ())
    added, next_id = Added(), 1
    for seq, event in enumerate(events, 1):
        row = catalogue.row_of[event.content_id]
        viewing = TasteViewing(
            seq, row, event.occurred_at, success=event.success, reward=event.reward
        )
        next_id = patterns.add(viewing, catalogue.embeddings[row], next_id, added)
    counts = {skill.skill_id: skill.tally.sample_count for skill in patterns.changed_skills}
    return {each.content_rowid: counts[each.skill_id] for each in patterns.changed_members}


def everything(liked: NDArray[np.floating], first: int = 0) -> list[Television]:
    """TVs "tv-<number>" that report each liked title as watched once to the end.

    For fleets that are emulated without viewings.

    Args:
        liked: (u, n) above 0 where a household likes a title.
        first: number of the first TV.
    """
    kind = class_byte(rate_class(1.0), count_class(1))
    fleet = []
    for i, row in enumerate(liked):
        rows = np.flatnonzero(row).astype(np.int64)
        fleet.append(Television(f"tv-{first + i}", first + i, rows, bytes([kind]) * len(rows)))
    return fleet
