"""Operators ask for rounds and read their records."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from tests.constellation.conftest import serving

from omega.federation.v1 import federation_service_pb2 as pb
from omega_client import AdminClient, ServiceError
from omega_core.errors import ErrorCode
from omega_store import Store, rounds
from omega_store.rounds import RoundFigures, RoundStatus
from omega_testing.fleet import NOW

FIGURES = RoundFigures(
    devices=7, pattern_shift=0.25, quality=0.5, pairs=9, reports=60, pair_weight=0.5
)
REQUESTED = pb.RoundStatus.ROUND_STATUS_REQUESTED


@pytest.fixture
def admin(address: str) -> Iterator[AdminClient]:
    """A client of a constellation that has a fresh database."""
    with AdminClient(address) as opened:
        yield opened


def test_a_round_that_is_asked_for_waits_for_a_worker(admin: AdminClient, store: Store) -> None:
    request_id = str(uuid.uuid4())
    asked = admin.trigger_federation(request_id, refresh=True).round
    assert (asked.round_id, asked.request_id, asked.status) == (1, request_id, REQUESTED)
    assert not asked.HasField("finished_at")
    assert admin.trigger_federation(request_id).round == asked
    with store.transaction() as conn:
        waiting = rounds.requested(conn)
        assert waiting is not None
        assert waiting.refresh
        begun = rounds.begin(conn, request_id, NOW)
        assert (begun.round_id, begun.status) == (1, RoundStatus.RUNNING)
        assert rounds.requested(conn) is None
        rounds.succeed(conn, 1, FIGURES, NOW)
    done = admin.trigger_federation(request_id).round
    assert done.status == pb.RoundStatus.ROUND_STATUS_SUCCEEDED
    assert (done.devices, done.pattern_shift, done.quality) == (7, 0.25, 0.5)
    assert (done.pairs, done.reports, done.pair_weight) == (9, 60, 0.5)


def test_rounds_are_listed_newest_first_page_by_page(admin: AdminClient, store: Store) -> None:
    assert admin.list_rounds().rounds == []
    ids = [admin.trigger_federation(str(uuid.uuid4())).round.round_id for _ in range(5)]
    with store.transaction() as conn:
        rounds.begin(conn, str(uuid.uuid4()), NOW)
        rounds.fail(conn, 6, ErrorCode.ROUND_NOT_POSSIBLE, NOW)
    first = admin.list_rounds(2)
    assert [each.round_id for each in first.rounds] == [6, 5]
    assert first.more
    assert first.rounds[0].error_code == "ROUND_NOT_POSSIBLE"
    rest = admin.list_rounds(4, before_round_id=5)
    assert [each.round_id for each in rest.rounds] == ids[3::-1]
    assert not rest.more


@pytest.mark.parametrize(
    "call",
    [
        lambda admin: admin.trigger_federation("no uuid"),
        lambda admin: admin.list_rounds(1_001),
        lambda admin: admin.list_rounds(1, before_round_id=2**63),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    admin: AdminClient, call: Callable[[AdminClient], object]
) -> None:
    with pytest.raises(ServiceError) as caught:
        call(admin)
    assert (caught.value.status, caught.value.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


@pytest.mark.parametrize(
    "call",
    [
        lambda admin: admin.trigger_federation(str(uuid.uuid4())),
        lambda admin: admin.list_rounds(),
    ],
)
def test_without_a_database_nothing_is_answered(call: Callable[[AdminClient], object]) -> None:
    with (
        serving("postgresql:///nowhere?host=/nowhere") as address,
        AdminClient(address, timeout=8.0) as lost,
        pytest.raises(ServiceError) as caught,
    ):
        call(lost)
    assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")
