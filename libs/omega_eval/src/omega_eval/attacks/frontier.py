"""The frontier: what each amount of noise costs in quality, and what it keeps from an attacker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from omega_eval.attacks.fleet import AttackedFleet
from omega_eval.attacks.outcome import Outcome
from omega_eval.attacks.plus_five import PlusFive, plus_five
from omega_eval.attacks.reidentify import reidentify
from omega_eval.attacks.world import World
from omega_eval.baselines import Interactions, ease, popularity
from omega_eval.metrics import Ratio, ratio, score
from omega_privacy import SketchPolicy

SIGMAS = (3.0, 4.0, 4.5, 5.0, 6.0, 8.0)
"""Noise scales of the frontier."""


@dataclass(frozen=True)
class Point:
    """One amount of noise."""

    sigma: float
    """Noise scale."""
    against_ease: Ratio
    """NDCG@10 of the product's lists over EASE's, which sees every history."""
    against_popularity: Ratio
    """The same over popularity's."""
    attack: Outcome
    """The stronger joint attacker."""
    nothing: Outcome
    """The attacker without information."""
    plus_five: PlusFive
    """The +5 test."""


def frontier(
    world: World, sigmas: Iterable[float], advance: Callable[[], None] = lambda: None
) -> list[Point]:
    """Measures each noise scale; `advance` is called after each."""
    points = []
    data = Interactions.of(world.households, world.catalogue.row_of)
    for sigma in sigmas:
        fleet = AttackedFleet(world, SketchPolicy(sigma=sigma))
        n = len(world.contents)
        ours = score(fleet.lists(fleet.learnt), fleet.wanted, n).ndcg
        beside = [score(lists(data), fleet.wanted, n).ndcg for lists in (ease, popularity)]
        evidence = fleet.evidence.with_fields({})
        found = reidentify(evidence, world.histories)
        points.append(
            Point(
                sigma=sigma,
                against_ease=ratio(ours, beside[0]),
                against_popularity=ratio(ours, beside[1]),
                attack=found.reported,
                nothing=found.nothing,
                plus_five=plus_five(
                    world.histories, fleet.learnt.factors, evidence, found.posterior
                ),
            )
        )
        advance()
    return points
