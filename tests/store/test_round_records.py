"""Records of rounds and the leader's lock."""

from __future__ import annotations

import contextlib
import uuid
from datetime import timedelta

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, leadership, rounds
from omega_store.rounds import Round, RoundFigures, RoundStatus
from omega_testing.fleet import NOW


def test_a_repeated_request_id_gives_the_first_round(store: Store) -> None:
    request_id = str(uuid.uuid4())
    with store.transaction() as conn:
        first = rounds.begin(conn, request_id, NOW)
        second = rounds.begin(conn, request_id, NOW + timedelta(hours=1))
        assert rounds.find(conn, request_id) == first
    assert second == first
    assert first == Round(1, request_id, RoundStatus.RUNNING, NOW, None)


def test_a_failed_round_keeps_its_cause(store: Store) -> None:
    with store.transaction() as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        rounds.fail(conn, begun.round_id, ErrorCode.ROUND_NOT_POSSIBLE, NOW)
        found = rounds.get(conn, begun.round_id)
        with pytest.raises(OmegaError) as caught:
            rounds.succeed(conn, begun.round_id, RoundFigures(), NOW)
    assert (found.status, found.error_code) == (RoundStatus.FAILED, "ROUND_NOT_POSSIBLE")
    assert caught.value.code == ErrorCode.ROUND_CONFLICT


def test_the_privacy_that_rounds_spent_adds_up(store: Store) -> None:
    with store.transaction() as conn:
        assert rounds.spent_mu(conn) == 0.0
        for mu in (3.0, 0.0, 4.0):
            begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
            rounds.succeed(conn, begun.round_id, RoundFigures(devices=5, dp_mu=mu), NOW)
            assert rounds.get(conn, begun.round_id).figures.dp_mu == mu
        failed = rounds.begin(conn, str(uuid.uuid4()), NOW)
        rounds.fail(conn, failed.round_id, ErrorCode.ROUND_FAILED, NOW)
        # Of a release that did not know of it.
        conn.execute("UPDATE rounds SET figures = figures - 'dp_mu' WHERE round_id = 2")
        assert rounds.get(conn, 2).figures == RoundFigures(devices=5)
        assert rounds.spent_mu(conn) == pytest.approx(5.0)


def test_an_unknown_round_is_not_found(store: Store) -> None:
    with store.transaction() as conn:
        assert rounds.find(conn, str(uuid.uuid4())) is None
        with pytest.raises(OmegaError) as caught:
            rounds.get(conn, 7)
    assert caught.value.code == ErrorCode.UNKNOWN_ROUND


def test_one_worker_leads_at_a_time(store: Store) -> None:
    with leadership(store), pytest.raises(OmegaError) as caught, leadership(store):
        pass
    assert caught.value.code == ErrorCode.ROUND_CONFLICT
    with leadership(store) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_leader_that_dies_gives_the_lead_up(store: Store) -> None:
    with leadership(store) as conn:
        conn.close()
        while True:  # until the server has noticed; the suite's time limit ends a failure
            with contextlib.suppress(OmegaError), leadership(store) as successor:
                assert successor.execute("SELECT 1").fetchone() == (1,)
                return
