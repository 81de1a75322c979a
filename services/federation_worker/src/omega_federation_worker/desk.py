"""The desk of a fleet: asks shards through the home shard's database."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import wire
from omega_learn import Partial, Phase
from omega_learn.arrays import Arrays
from omega_learn.phases import Plan
from omega_store import Connection, fleet_rounds
from omega_store.fleet_rounds import FleetRound, PhasePlan
from omega_store.rounds import ShardOutcome, ShardShare

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
"""Time between two looks for answers."""

P = TypeVar("P", bound=Plan)
S = TypeVar("S", bound=Partial)


class FleetDesk:
    """Writes plans down, waits for the shards' parts, and merges them: shard, region, fleet.

    What a leader before this one wrote down holds.

    Args:
        leader: the connection that holds the leader's lock.
        begun: the round.
        regions: region of each shard by name.
        clock: tells when a phase has ended.
        part_seconds: time of a phase.
        min_shard_share: share of the shards that a round needs, 0 to 1.
        stopping: ends the wait.
    """

    def __init__(
        self,
        leader: Connection,
        begun: FleetRound,
        regions: dict[str, str],
        clock: Clock,
        *,
        part_seconds: float,
        min_shard_share: float,
        stopping: threading.Event,
    ) -> None:
        self._leader = leader
        self._begun = begun
        self._regions = regions
        self._clock = clock
        self._part = timedelta(seconds=part_seconds)
        self._least = max(math.ceil(min_shard_share * len(regions)), 1)
        self._stopping = stopping
        self._plans = fleet_rounds.plans(leader, begun.round_id)
        self._asked = 0
        self.brought: tuple[str, ...] = tuple(sorted(regions))
        """Shards whose parts are in the last phase's sums."""
        self.shares: dict[str, ShardShare] = {}
        """What each shard counted that is in the result, by name."""

    @property
    def complete(self) -> bool:
        """Whether every shard has answered so far."""
        return len(self.brought) == len(self._regions)

    def ask(self, phase: Phase[P, S, Any], make: Callable[[], P]) -> tuple[P, Callable[[], S]]:
        """One phase.

        Raises:
            OmegaError: ROUND_NOT_POSSIBLE when too few shards answered; ROUND_FAILED when the
                round's time is over.
        """
        self._asked += 1
        plan = self._told(phase, make)
        self.brought = self._waited(phase.name)
        if len(self.brought) < self._least:
            raise OmegaError(
                ErrorCode.ROUND_NOT_POSSIBLE,
                field="the fleet",
                bound=f"{self._least} of {len(self._regions)} shards within its time",
                detail=f"{phase.name}: {', '.join(self.brought) or 'none'}",
            )
        return plan, lambda: self._merged(phase)

    def _told(self, phase: Phase[P, S, Any], make: Callable[[], P]) -> P:
        round_id = self._begun.round_id
        if self._asked > len(self._plans):
            plan = make()
            now = self._clock.now()
            begun = PhasePlan(
                self._asked, phase.name, min(now + self._part, self._begun.ends_at), None
            )
            fleet_rounds.put_plan(self._leader, round_id, begun, wire.pack(plan.arrays()))
            self._plans.append(begun)
            return plan
        if self._plans[self._asked - 1].phase != phase.name:
            raise OmegaError(ErrorCode.ROUND_FAILED, detail="a leader of another release began it")
        return phase.plan.of(
            wire.unpack(fleet_rounds.plan_body(self._leader, round_id, phase.name))
        )

    def _waited(self, phase: str) -> tuple[str, ...]:
        """The shards that have answered, once all of them have or time is over."""
        plan, round_id = self._plans[self._asked - 1], self._begun.round_id
        if plan.brought is not None:
            return plan.brought
        while True:
            missing = fleet_rounds.at_work(self._leader, round_id)
            missing -= set(fleet_rounds.answered(self._leader, round_id, phase))
            if not missing or self._clock.now() >= plan.ends_at:
                break
            if self._stopping.wait(_LOOK_SECONDS):
                raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE, detail="the worker stops")
        if missing:
            _log.warning("round %d goes on without %s", round_id, ", ".join(sorted(missing)))
        with self._leader.transaction():
            brought = fleet_rounds.end_phase(self._leader, round_id, phase)
        if self._clock.now() >= self._begun.ends_at:
            raise OmegaError(ErrorCode.ROUND_FAILED, detail="the round's time is over")
        return brought

    def _merged(self, phase: Phase[P, S, Any]) -> S:
        """Shards by region, and then regions: the same merge, however they are bracketed."""
        names = sorted(self.brought, key=lambda name: (self._regions.get(name, ""), name))
        with self._leader.transaction():
            parts = (
                fleet_rounds.pieces(self._leader, self._begun.round_id, phase.name, name)
                for name in names
            )
            return wire.merged(phase.partial, parts, self._noted(names))

    def _noted(self, names: list[str]) -> Callable[[Arrays], None]:
        """Notes who counted how much, from the total after each part; the last phase's holds."""
        rest, before = iter(names), [0, 0]

        def note(total: Arrays) -> None:
            name = next(rest)
            if "figures" in total:  # of a census
                now = total["figures"].tolist()
            elif "devices" in total and "sketches" in total:
                now = [int(total[figure][0]) for figure in ("devices", "sketches")]
            else:
                return
            self.shares[name] = ShardShare(
                name,
                self._regions.get(name, ""),
                ShardOutcome.INCLUDED,
                now[0] - before[0],
                now[1] - before[1],
            )
            before[:] = now

        return note
