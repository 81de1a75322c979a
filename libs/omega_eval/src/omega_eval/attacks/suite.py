"""The whole suite over one fleet."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.averaging import Averaging, averaging, paired
from omega_eval.attacks.evidence import IntArray
from omega_eval.attacks.fleet import AttackedFleet
from omega_eval.attacks.likelihood import evidence, sketch_channel
from omega_eval.attacks.linkage import Linkage, halves, link, two_pushes
from omega_eval.attacks.membership import Membership, membership
from omega_eval.attacks.plus_five import PlusFive, plus_five
from omega_eval.attacks.poisoning import Poisoning, poisoning, titles_to_push
from omega_eval.attacks.reidentify import Reidentification, reidentify
from omega_eval.attacks.whole_push import WholePush, whole_push

LIARS = 0.01
"""Share of the fleet that lies."""


class Part(StrEnum):
    """An attack of the suite."""

    REIDENTIFY = "reidentify"
    WHOLE_PUSH = "whole-push"
    PLUS_FIVE = "plus-five"
    AVERAGING = "averaging"
    LINKAGE = "linkage"
    MEMBERSHIP = "membership"
    POISONING = "poisoning"


@dataclass(frozen=True, eq=False)
class Findings:
    """What the suite found; None = not asked for."""

    sigma: float
    """Noise scale of the fleet."""
    reports: int
    """Sketches that it sent."""
    households: int
    """Households that sent any."""
    reidentified: Reidentification | None = None
    whole_push: WholePush | None = None
    plus_five: PlusFive | None = None
    averaging: Averaging | None = None
    twins_paired: float | None = None
    """Share of sketches whose twin under a second encoder with the same noise is recognised."""
    linkage: tuple[tuple[str, Linkage], ...] = ()
    membership: Membership | None = None
    poisoning: Poisoning | None = None


def attack_all(
    fleet: AttackedFleet, parts: Collection[Part], advance: Callable[[], None] = lambda: None
) -> Findings:
    """Runs the asked parts; `advance` is called after each.

    The joint attack of the +5 test is the stronger of the two, as in the first part.
    """
    histories = fleet.world.histories
    bare = fleet.evidence.with_fields({})
    found = Findings(fleet.policy.sigma, len(bare), len(np.unique(bare.users)))
    if {Part.REIDENTIFY, Part.PLUS_FIVE} & set(parts):
        reidentified = reidentify(bare, histories)
        if Part.REIDENTIFY in parts:
            found = replace(found, reidentified=reidentified)
            advance()
        if Part.PLUS_FIVE in parts:
            published = fleet.learnt.factors
            tested = plus_five(histories, published, bare, reidentified.posterior)
            found = replace(found, plus_five=tested)
            advance()
    for part, run in _RUNS.items():
        if part in parts:
            found = run(fleet, found)
            advance()
    return found


def _whole_push(fleet: AttackedFleet, found: Findings) -> Findings:
    pushes = fleet.reports.pushes
    return replace(found, whole_push=whole_push(fleet.evidence, fleet.world.histories, pushes))


def _averaging(fleet: AttackedFleet, found: Findings) -> Findings:
    world, sigma, reports = fleet.world, fleet.policy.sigma, fleet.reports
    other = world.lexical()
    embeddings = world.histories.embeddings

    def first(users: IntArray, titles: IntArray, draw: int) -> FloatArray:
        return world.bits(embeddings, sigma, users, titles, draw)

    def second(users: IntArray, titles: IntArray, draw: int) -> FloatArray:
        return world.bits(other, sigma, users, titles, draw)

    sent = reports.users, reports.truth
    return replace(
        found,
        averaging=averaging(world.histories, *sent, sigma, first, (other, second)),
        twins_paired=paired(first(*sent, 0), second(*sent, 0), reports.users),
    )


def _linkage(fleet: AttackedFleet, found: Findings) -> Findings:
    world, reports, histories = fleet.world, fleet.reports, fleet.world.histories
    bare = fleet.evidence.with_fields({})
    channel = sketch_channel(histories.embeddings, fleet.policy.sigma)
    bits = world.bits(
        histories.embeddings, fleet.policy.sigma, reports.users, reports.truth, draw=1
    )
    again = evidence(histories, reports.users, reports.truth, [(channel, bits)])
    cases = (
        ("a new identity, other titles", *halves(bare)),
        ("a new identity, the same titles with new noise", bare, again),
        ("two pushes without identity", *two_pushes(bare, reports.pushes)),
    )
    rows = [(name, link(before, after, histories)) for name, before, after in cases]
    return replace(found, linkage=tuple(rows))


def _membership(fleet: AttackedFleet, found: Findings) -> Findings:
    return replace(found, membership=membership(fleet.world.histories.liked, fleet.factors_of))


def _poisoning(fleet: AttackedFleet, found: Findings) -> Findings:
    world, config = fleet.world, fleet.config
    likes = world.histories.liked.sum(axis=0).astype(np.int64)
    given_out = fleet.learnt.factors.titles.astype(np.int64)
    result = poisoning(
        world.histories.embeddings,
        fleet.sent,
        np.argsort(-likes, kind="stable").astype(np.int64),
        titles_to_push(given_out, likes),
        math.ceil(LIARS * found.households),
        fleet.learn,
        fleet.lists,
        fleet.wanted,
        liked=world.histories.liked,
        lam=config.lam,
        most=config.max_device_sketches,
        mass=int(config.device_clip),
    )
    return replace(found, poisoning=result)


_RUNS: dict[Part, Callable[[AttackedFleet, Findings], Findings]] = {
    Part.WHOLE_PUSH: _whole_push,
    Part.AVERAGING: _averaging,
    Part.LINKAGE: _linkage,
    Part.MEMBERSHIP: _membership,
    Part.POISONING: _poisoning,
}
