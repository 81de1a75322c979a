"""One round of one shard: lead, read, learn, publish, or fail with a cause."""

from __future__ import annotations

import logging
from pathlib import Path

from omega_core import spans
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_federation_worker import alone, metering, paired, shard
from omega_federation_worker.causes import cause_of
from omega_federation_worker.metering import Measured
from omega_federation_worker.plan import Plan
from omega_privacy.accountant import DELTA, epsilon_of
from omega_store import Connection, Store, leadership, publish_round, rounds
from omega_store.errors import translated
from omega_store.metering import operation
from omega_store.rounds import Round, RoundStatus

_log = logging.getLogger(__name__)
_OPEN = {RoundStatus.RUNNING, RoundStatus.REQUESTED}


class RoundJob:
    """Runs rounds. Safe to share between threads: the leader's lock lets one run at a time.

    Args:
        store: the shard.
        plan: how it learns, and how often anew.
        clock: stamps the records.
        scratch: where a round's devices lie meanwhile; None = where temporary files do.
    """

    def __init__(self, store: Store, plan: Plan, clock: Clock, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._store = store
        self._plan = plan
        self._clock = clock

    def run(self, request_id: str, *, refresh: bool = False) -> Round:
        """The round that `request_id` asks for: run now, or the record of the one that ran.

        Args:
            request_id: a UUID.
            refresh: learn from everything, whether that is due or not.

        Raises:
            OmegaError: ROUND_CONFLICT when another worker leads; ROUND_NOT_POSSIBLE, ROUND_FAILED,
                STORAGE_UNAVAILABLE or STORAGE_FULL when the round failed, now or earlier.
                Nothing is published then.
        """
        with self._store.statements("find round") as conn:
            earlier = rounds.find(conn, request_id)
        if earlier is None or earlier.status in _OPEN:
            with leadership(self._store) as leader:
                self._fail_abandoned(leader)
                earlier = self._begin(leader, request_id, refresh=refresh)
        return answer_of(earlier)

    def recover(self) -> None:
        """Ends rounds that dead workers left RUNNING.

        One that another worker runs goes on.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._store.statements("look for round") as conn:
            if not rounds.running(conn):
                return
        try:
            with leadership(self._store) as leader:
                self._fail_abandoned(leader)
        except OmegaError as error:
            if error.code != ErrorCode.ROUND_CONFLICT:
                raise

    def _fail_abandoned(self, leader: Connection) -> None:
        """Only a leader runs a round: what runs without this one leading is dead."""
        for round_id in rounds.running(leader):
            _log.warning("round %d was left by a worker that died", round_id)
            rounds.fail(leader, round_id, ErrorCode.ROUND_FAILED, self._clock.now())

    def _begin(self, leader: Connection, request_id: str, *, refresh: bool) -> Round:
        begun = rounds.begin(leader, request_id, self._clock.now(), refresh=refresh)
        if begun.status == RoundStatus.RUNNING:
            try:
                with metering.round_of(refresh=refresh) as measured:
                    self._work(leader, begun.round_id, measured)
            except Exception as error:
                cause = cause_of(error)
                # What has a stated cause needs no trace of where it was raised.
                _log.warning(
                    "round %d failed: %s", begun.round_id, cause, exc_info=cause is not error
                )
                self._record_failure(begun.round_id, cause.code)
                raise cause from error
        return rounds.get(leader, begun.round_id)

    def _record_failure(self, round_id: int, code: ErrorCode) -> None:
        """On another connection than the leader's, which may be what failed."""
        try:
            with self._store.statements("fail round") as conn:
                rounds.fail(conn, round_id, code, self._clock.now())
        except OmegaError as error:
            _log.warning("round %d stays RUNNING until a leader ends it: %s", round_id, error)

    def _work(self, leader: Connection, round_id: int, measured: Measured) -> None:
        paired.collect(leader, self._plan, self._clock.now())
        with spans.span("read"):
            seen = shard.read(
                self._store,
                self._clock.now(),
                self._plan,
                refresh=measured.refresh,
                scratch=self._scratch,
            )
        measured.refresh = seen.decoder is None
        with spans.span("learn"):
            result = alone.learn(seen, self._plan, round_id, self._scratch)
        with spans.span("publish"), operation("publish round"), translated():
            figures = publish_round(leader, result, self._clock.now())
            standing = rounds.standing(leader)
        measured.published = (figures, standing)
        _log.info("round %d published %s", round_id, figures)
        if figures.dp_mu:
            _log.info(
                "differential privacy: round %d mu %.3g; all rounds mu %.3g, epsilon %.3g at %g",
                round_id,
                figures.dp_mu,
                standing.spent_mu,
                epsilon_of(standing.spent_mu),
                DELTA,
            )


def answer_of(done: Round) -> Round:
    """The record of a round that succeeded.

    Raises:
        OmegaError: with the code that ended it.
    """
    if done.status == RoundStatus.SUCCEEDED:
        return done
    code = ErrorCode(done.error_code)
    detail = f"round {done.round_id} had failed before"
    if code == ErrorCode.ROUND_NOT_POSSIBLE:
        bound = "a catalogue and enough devices that share titles"
        raise OmegaError(code, field="the shard", bound=bound, detail=detail)
    raise OmegaError(code, detail=detail)
