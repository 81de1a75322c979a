"""One fleet under one policy: its pushes, what it learns from them, and the lists that follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from omega_eval.attacks.evidence import Evidence
from omega_eval.attacks.learning import devices, learn, model_of
from omega_eval.attacks.pushes import Arrival, Reports, read_pushes
from omega_eval.attacks.world import World, sketch_evidence
from omega_eval.evaluate import held_out_rows
from omega_eval.metrics import RECALL_CUT, RowArray
from omega_learn import DeviceSketches, Factors, LearnConfig, RoundResult
from omega_privacy import SketchPolicy
from omega_rank import History, RankConfig, Ranker


class AttackedFleet:
    """A world whose TVs all follow one policy. What is asked for is computed once."""

    def __init__(self, world: World, policy: SketchPolicy) -> None:
        self.world = world
        self.policy = policy
        self.config = LearnConfig(sigma=policy.sigma)

    @cached_property
    def arrivals(self) -> list[Arrival]:
        """All pushes."""
        return self.world.pushes(self.policy)

    @cached_property
    def reports(self) -> Reports:
        """The sketches as read off the pushes."""
        return read_pushes(self.arrivals)

    @cached_property
    def evidence(self) -> Evidence:
        """The same for an attacker, joined by device, with the fields of the pushes."""
        return sketch_evidence(self.world.histories, self.reports, self.policy.sigma)

    @cached_property
    def sent(self) -> list[DeviceSketches]:
        """What the round gets."""
        return devices(self.arrivals)

    @cached_property
    def learnt(self) -> RoundResult:
        """The round over everything sent."""
        return self.learn(self.sent)

    @cached_property
    def wanted(self) -> list[RowArray]:
        """What each household is to find."""
        return held_out_rows(self.world.households, self.world.catalogue.row_of)

    def learn(self, sent: Sequence[DeviceSketches]) -> RoundResult:
        """A round over other reports."""
        return learn(self.world.raw, self.world.catalogue.centring_mean, sent, self.config)

    def factors_of(self, households: NDArray[np.bool_]) -> Factors:
        """The factors learnt from the reports of some households, a mask (u,)."""
        arrivals = [each for each in self.arrivals if households[each.household]]
        return self.learn(devices(arrivals)).factors

    def lists(self, result: RoundResult) -> list[RowArray]:
        """Each household's 20 best titles by the product's ranker."""
        model = model_of(self.world.catalogue, result)
        ranker = Ranker(RankConfig())
        return [
            np.array(
                [
                    each.row
                    for each in ranker.rank(
                        self.world.catalogue, model, history, limit=RECALL_CUT
                    ).titles
                ],
                np.int64,
            )
            for history in self._histories
        ]

    @cached_property
    def _histories(self) -> list[History]:
        return [
            History.replay(self.world.catalogue, household.train, RankConfig())
            for household in self.world.households
        ]
