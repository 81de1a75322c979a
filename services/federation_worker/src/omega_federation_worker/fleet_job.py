"""One round over several shards: lead it, or take it up where a leader before left it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import timedelta

from omega_core import spans
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import alone, keeping, metering, paired, shard
from omega_federation_worker.answering import basis_of, name_of
from omega_federation_worker.causes import cause_of
from omega_federation_worker.desk import FleetDesk
from omega_federation_worker.job import answer_of
from omega_federation_worker.metering import Phases
from omega_federation_worker.plan import Plan
from omega_federation_worker.shard import Shard
from omega_federation_worker.shards import Shards
from omega_learn import lead_refresh, lead_step
from omega_store import (
    Connection,
    RoundResult,
    Store,
    fleet_rounds,
    leadership,
    publish_round,
    rounds,
)
from omega_store.errors import translated
from omega_store.fleet_rounds import FleetRound
from omega_store.kept import StoredDecoder
from omega_store.metering import operation
from omega_store.rounds import Round, RoundFigures, RoundStatus, Standing

_log = logging.getLogger(__name__)
_OPEN = {RoundStatus.RUNNING, RoundStatus.REQUESTED}


@dataclass(frozen=True)
class Windows:
    """How long a round over several shards waits, and for how many."""

    round_seconds: float
    """Longest round."""
    part_seconds: float
    """Longest phase: a shard that has not answered by then is out of the round."""
    min_shard_share: float
    """Share of the shards that a round needs, 0 to 1."""


@dataclass(frozen=True)
class _Found:
    """What a round found: to be published in one transaction."""

    result: RoundResult
    """What TVs pull."""
    decoder: StoredDecoder | None
    """What steps go on from; None = the next round is a refresh."""
    keeps: bool
    """Whether steps go on from what they went on from before."""


class FleetJob:
    """Leads rounds. Safe to share between threads: the leader's lock lets one run at a time.

    Args:
        home: the home shard.
        shards: all of them.
        plan: how rounds learn, and how often anew.
        windows: how long they wait.
        clock: stamps the records.
        stopping: ends a wait; the round stays open for the next leader.
    """

    def __init__(
        self,
        home: Store,
        shards: Shards,
        plan: Plan,
        windows: Windows,
        clock: Clock,
        stopping: threading.Event | None = None,
    ) -> None:
        self._home = home
        self._shards = shards
        self._plan = plan
        self._windows = windows
        self._clock = clock
        self._stopping = stopping or threading.Event()

    def run(self, request_id: str, *, refresh: bool = False) -> Round:
        """The round that `request_id` asks for, led now, or the record of the one that ran.

        A round that a dead leader left open is taken up first.

        Raises:
            OmegaError: as RoundJob.run(); STORAGE_UNAVAILABLE where the round stays open.
        """
        with self._home.statements("find round") as conn:
            earlier = rounds.find(conn, request_id)
        if earlier is None or earlier.status in _OPEN:
            with leadership(self._home) as leader:
                self._take_up(leader)
                earlier = self._begin(leader, request_id, refresh=refresh)
        return answer_of(earlier)

    def recover(self) -> Round | None:
        """Takes up the round that a dead leader left open; None = there is none, or it is led.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._home.statements("look for round") as conn:
            if not rounds.running(conn):
                return None
        try:
            with leadership(self._home) as leader:
                return self._take_up(leader)
        except OmegaError as error:
            if error.code != ErrorCode.ROUND_CONFLICT:
                raise
            return None

    def _take_up(self, leader: Connection) -> Round | None:
        """Ends the rounds that were left RUNNING: those over several shards as they would have."""
        taken = None
        begun = fleet_rounds.running(leader)
        for round_id in rounds.running(leader):
            if begun is None or round_id != begun.round_id:
                _log.warning("round %d was left by a worker that died", round_id)
                rounds.fail(leader, round_id, ErrorCode.ROUND_FAILED, self._clock.now())
        if begun is not None:
            _log.warning("round %d was left by a leader that died: it goes on", begun.round_id)
            try:
                self._lead(leader, begun)
            except OmegaError as error:
                if error.code == ErrorCode.STORAGE_UNAVAILABLE:
                    raise
            taken = rounds.get(leader, begun.round_id)
        return taken

    def _begin(self, leader: Connection, request_id: str, *, refresh: bool) -> Round:
        now = self._clock.now()
        try:
            paired.collect(leader, self._plan, now)
            with self._home.snapshot("read round") as conn:
                stored = None if refresh else fleet_rounds.decoder(conn)
                seen = shard.home(conn, now, self._plan, _based(stored))
        except Exception as error:
            if isinstance(error, OmegaError) and error.code == ErrorCode.STORAGE_UNAVAILABLE:
                raise
            begun = rounds.begin(leader, request_id, now, refresh=refresh)
            if begun.status != RoundStatus.RUNNING:
                return begun
            with metering.round_of(refresh=refresh):
                raise self._failed(leader, begun.round_id, error) from error
        with leader.transaction():
            begun = rounds.begin(leader, request_id, now, refresh=refresh)
            if begun.status != RoundStatus.RUNNING:
                return begun
            found = FleetRound(
                begun.round_id,
                now,
                now + timedelta(seconds=self._windows.round_seconds),
                seen.decoder is None,
                seen.basis,
                seen.catalogue.version,
            )
            fleet_rounds.begin(leader, found, self._shards.regions)
        self._lead(leader, found)
        return rounds.get(leader, begun.round_id)

    def _lead(self, leader: Connection, begun: FleetRound) -> None:
        """Leads a round to its end.

        Raises:
            OmegaError: why it failed, which is recorded; STORAGE_UNAVAILABLE where it stays open.
        """
        try:
            desk = FleetDesk(
                leader,
                begun,
                self._shards.regions,
                self._clock,
                part_seconds=self._windows.part_seconds,
                min_shard_share=self._windows.min_shard_share,
                stopping=self._stopping,
            )
            with (
                metering.round_of(refresh=begun.refresh) as measured,
                translated(),
            ):
                with spans.span("learn"):
                    found = self._learned(desk, begun)
                with spans.span("publish"), operation("publish round"), translated():
                    measured.published = self._publish(leader, begun, found, desk)
        except Exception as error:
            if isinstance(error, OmegaError) and error.code == ErrorCode.STORAGE_UNAVAILABLE:
                raise  # it stays open: whoever leads next takes it up
            raise self._failed(leader, begun.round_id, error) from error

    def _learned(self, desk: FleetDesk, begun: FleetRound) -> _Found:
        with self._home.snapshot("read round") as conn:
            stored = None if begun.refresh else fleet_rounds.decoder(conn)
            seen = shard.home(
                conn, begun.cutoff_at, self._plan, _based(stored), begun.catalogue_version
            )
            if seen.decoder is None:
                seen = shard.with_pairs(conn, seen, self._plan.learning)
        if seen.basis != begun.basis or (seen.decoder is None) != begun.refresh:
            raise ValueError("a leader with other settings began it")
        config = self._plan.learning
        try:
            if seen.decoder is None:
                led = lead_refresh(Phases(desk), seen.lead, config)
                result = shard.result(seen, led.result, begun.round_id, config.trends)
                body = keeping.pack_decoder(led.decoder)
                named = StoredDecoder(name_of(begun), begun.cutoff_at, body)
                return _Found(result, named, keeps=False)
            if config.dp_mu:
                return _Found(shard.idle(seen, begun.round_id), None, keeps=True)
            told = lead_step(Phases(desk), alone.step_lead(seen, seen.decoder), config)
            result = shard.result(seen, told, begun.round_id, config.trends)
            stale = alone.hurries(seen, len(told.unexpected))
            return _Found(result, None, keeps=not stale)
        except OmegaError as error:
            withdrawal = self._withdrawal(seen, desk, begun)
            if error.code != ErrorCode.ROUND_NOT_POSSIBLE or withdrawal is None:
                raise
            _log.warning("round %d withdraws what was published: %s", begun.round_id, error)
            return _Found(withdrawal, None, keeps=False)

    def _withdrawal(self, seen: Shard, desk: FleetDesk, begun: FleetRound) -> RoundResult | None:
        """Only where every shard has said how little is left: one that is away has more."""
        if not desk.complete:
            return None
        devices = sum(share.devices for share in desk.shares.values())
        return shard.withdrawal(seen, begun.round_id, devices)

    def _publish(
        self, leader: Connection, begun: FleetRound, found: _Found, desk: FleetDesk
    ) -> tuple[RoundFigures, Standing]:
        """What the round came to, and what all of them come to with it."""
        now = self._clock.now()
        with leader.transaction():
            figures = publish_round(leader, found.result, now)
            if not found.keeps:
                fleet_rounds.put_decoder(leader, found.decoder)
            shares = [desk.shares[name] for name in desk.shares if name in desk.brought]
            fleet_rounds.end(leader, begun.round_id, shares)
            standing = rounds.standing(leader)
        _log.info("round %d over %d shards: %s", begun.round_id, len(desk.brought), figures)
        return figures, standing

    def _failed(self, leader: Connection, round_id: int, error: Exception) -> OmegaError:
        """Records a failure; returns its cause."""
        cause = cause_of(error)
        _log.warning("round %d failed: %s", round_id, cause, exc_info=cause is not error)
        with translated(), leader.transaction():
            fleet_rounds.end(leader, round_id, ())
            rounds.fail(leader, round_id, cause.code, self._clock.now())
        return cause


def _based(stored: StoredDecoder | None) -> StoredDecoder | None:
    """A fleet's decoder under what it rests on, as Plan.decoder() compares it."""
    return None if stored is None else replace(stored, basis=basis_of(stored.basis))
