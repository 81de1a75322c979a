"""A shard's side of a round over several shards: answers what the open round asks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import keeping, wire
from omega_federation_worker.local import Local, Reading, changes, everything
from omega_federation_worker.plan import Plan
from omega_federation_worker.shard import read_catalogue
from omega_federation_worker.spool import Spool
from omega_learn import Joined, Kept, RefreshPart, StepPart
from omega_learn.news import catalogue_rows
from omega_learn.phases import REFRESH, STEP
from omega_store import Store, fleet_rounds, kept, resources
from omega_store.fleet_rounds import FleetRound, PhasePlan
from omega_store.kept import Keeping, StoredDecoder
from omega_store.resources import ResourceKind
from omega_store.rounds import ShardOutcome

_log = logging.getLogger(__name__)
_GONE = {ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.STORAGE_FULL}


@dataclass
class _Held:
    """What a worker holds of a shard between two phases of a round."""

    begun: FleetRound
    part: RefreshPart | StepPart
    local: Local
    done: set[str] = field(default_factory=set)
    """Phases that have left rows in `part`."""


class ShardWorker:
    """Answers for one shard. Several may do so at once: what is stored first counts.

    Args:
        name: of the shard.
        home: the home shard.
        shard: the shard itself.
        plan: how rounds learn.
        scratch: where devices lie meanwhile; None = where temporary files do.
    """

    def __init__(
        self, name: str, home: Store, shard: Store, plan: Plan, scratch: Path | None = None
    ) -> None:
        self.name = name
        self._home = home
        self._shard = shard
        self._plan = plan
        self._scratch = scratch
        self._held: _Held | None = None

    def asked(self) -> bool:
        """Whether an answer of this shard is waited for, and the shard is there to give it.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        if self._asked() is None:
            return False
        with self._shard.statements("look for shard") as conn:
            conn.execute("SELECT 1")
        return True

    def work(self) -> bool:
        """Answers what is asked now; False when there is nothing, or it cannot be done yet."""
        try:
            asked = self._asked()
            if asked is None:
                return False
            begun, plans = asked
            return self._answer(begun, plans)
        except OmegaError as error:
            _log.warning("shard %s: %s", self.name, error)
            return False

    def begun(self) -> int:
        """Id of the round that is open; 0 = none is.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._home.statements("look for round") as conn:
            found = fleet_rounds.running(conn)
        return found.round_id if found else 0

    def current(self, now: datetime) -> tuple[str, Joined] | None:
        """Decodes what came up to now and keeps it; what the shard comes to, and of which refresh.

        None where a refresh is due before anything can be counted.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._home.snapshot("read decoder") as conn:
            stored = fleet_rounds.decoder(conn)
            version = resources.newest_version(conn, ResourceKind.CATALOGUE)
            if stored is None or not version or self._plan.learning.dp_mu:
                return None
            catalogue = read_catalogue(conn, version)
        basis = basis_of(stored.basis)
        if basis != self._plan.basis(catalogue):
            return None
        held = self._changes(
            FleetRound(0, now, now, refresh=False, basis=basis, catalogue_version=version)
        )
        return stored.basis, held.part.supporters()

    def _asked(self) -> tuple[FleetRound, list[PhasePlan]] | None:
        """The open round and its phases up to the one that waits for this shard's answer."""
        with self._home.snapshot("look for phase") as conn:
            begun = fleet_rounds.running(conn)
            if begun is None:
                self._held = None
                return None
            plans = fleet_rounds.plans(conn, begun.round_id)
            if not plans or plans[-1].brought is not None:
                return None
            if fleet_rounds.outcome(conn, begun.round_id, self.name) != ShardOutcome.AT_WORK:
                return None
            if self.name in fleet_rounds.answered(conn, begun.round_id, plans[-1].phase):
                return None
        return begun, plans

    def _answer(self, begun: FleetRound, plans: list[PhasePlan]) -> bool:
        try:
            with spans.span(f"answer {plans[-1].phase}"):
                stored = self._stored(begun, plans)
        except Exception as error:
            if isinstance(error, OmegaError) and error.code in _GONE:
                raise
            _log.exception("shard %s is out of round %d", self.name, begun.round_id)
            with self._home.transaction("fail shard") as conn:
                fleet_rounds.fail_shard(conn, begun.round_id, self.name)
            return False
        _log.info(
            "shard %s: %s of round %d%s",
            self.name,
            plans[-1].phase,
            begun.round_id,
            "" if stored else " was not taken",
        )
        return True

    def _stored(self, begun: FleetRound, plans: list[PhasePlan]) -> bool:
        held = self._part(begun)
        for plan in plans[:-1]:
            # What a worker before this one did for the shard, and took with it.
            self._decoded(held, plan)
        answer = self._decoded(held, plans[-1])
        with self._home.transaction("store part") as conn:
            return fleet_rounds.put_part(conn, begun.round_id, plans[-1].phase, self.name, answer)

    def _decoded(self, held: _Held, plan: PhasePlan) -> Iterable[bytes]:
        """The answer to a phase; nothing where its rows are there and no answer is needed."""
        phases = {phase.name: phase for phase in (REFRESH if held.begun.refresh else STEP)}
        phase = phases[plan.phase]
        if plan.brought is not None and (not phase.decodes or plan.phase in held.done):
            return ()
        with self._home.statements("read plan") as conn:
            body = fleet_rounds.plan_body(conn, held.begun.round_id, plan.phase)
        answer = phase.answer(held.part, phase.plan.of(wire.unpack(body)))
        if phase.decodes:
            held.done.add(plan.phase)
            last = "expect" if self._plan.learning.taste_share > 0 else "decode"
            if plan.phase == last:
                self._keep(held)
        return wire.pieces(answer.arrays())

    def _keep(self, held: _Held) -> None:
        """Keeps the rows of a refresh, under its name: a step goes on only from those."""
        begun = held.begun
        # Under noise no step follows that could go on from rows.
        blocks = () if self._plan.learning.dp_mu else held.part.blocks()
        named = StoredDecoder(name_of(begun), begun.cutoff_at, b"")
        with self._shard.transaction("keep rows") as conn:
            conn.execute("SET LOCAL statement_timeout = 0")
            kept.store(conn, Keeping(named, held.local.rows(blocks, begun.cutoff_at)))

    def _part(self, begun: FleetRound) -> _Held:
        if self._held is None or self._held.begun != begun:
            self._held = None
            self._held = self._anew(begun) if begun.refresh else self._changes(begun)
        return self._held

    def _reading(self, begun: FleetRound) -> Reading:
        return Reading(
            begun.cutoff_at, self._plan.learning, until=begun.cutoff_at, scratch=self._scratch
        )

    def _anew(self, begun: FleetRound) -> _Held:
        with self._home.statements("read catalogue") as conn:
            catalogue = read_catalogue(conn, begun.catalogue_version)
        self._check(begun, self._plan.basis(catalogue))
        with self._shard.snapshot("read devices") as conn:
            local = everything(conn, catalogue, self._reading(begun))
        rows = catalogue_rows(catalogue.embeddings, catalogue.centring_mean)
        part = RefreshPart(local.sketches, rows, self._plan.learning, self._blocks)
        return _Held(begun, part, local)

    def _changes(self, begun: FleetRound) -> _Held:
        with self._home.snapshot("read decoder") as conn:
            catalogue = read_catalogue(conn, begun.catalogue_version)
            stored = fleet_rounds.decoder(conn)
        self._check(begun, self._plan.basis(catalogue))
        decoder = keeping.unpack_decoder(stored.body) if stored else None
        if stored is None or decoder is None:
            raise ValueError("a step without what the last refresh decoded with")
        with self._shard.snapshot("read devices") as conn:
            mine = kept.decoder(conn)
            goes_on = mine is not None and mine.basis == stored.basis
            # Rows of another refresh say nothing beside this one's: all of it is decoded again.
            read_devices = changes if goes_on else everything
            local = read_devices(conn, catalogue, self._reading(begun))
        rows = catalogue_rows(catalogue.embeddings, catalogue.centring_mean)
        part = StepPart(
            local.sketches, local.kept, decoder, rows, self._plan.learning, self._blocks
        )
        named = None if goes_on else StoredDecoder(stored.basis, begun.cutoff_at, b"")
        with self._shard.transaction("keep rows") as conn:
            conn.execute("SET LOCAL statement_timeout = 0")
            kept.store(conn, Keeping(named, local.rows(part.decoded, begun.cutoff_at)))
        return _Held(begun, part, local)

    def _blocks(self) -> Spool[Kept]:
        return Spool(Kept, self._scratch)

    def _check(self, begun: FleetRound, basis: str) -> None:
        if basis != begun.basis:
            raise ValueError("settings or release of this worker are not those of the leader")


def name_of(begun: FleetRound) -> str:
    """Names a refresh and all that it rests on: what kept rows are of."""
    return f"{begun.round_id}:{begun.basis}"


def basis_of(name: str) -> str:
    """What the refresh of a name rests on."""
    return name.partition(":")[2]
