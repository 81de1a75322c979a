"""The loop closes: observe, recommend, push, aggregate, pull, recommend better."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_client import BrainClient, FederationClient, ServiceError
from omega_core.vectors import FloatArray
from omega_delta import event_to_proto
from omega_eval.household import Household

if TYPE_CHECKING:
    from tests.e2e.conftest import Fleet


def _replay(client: BrainClient, household: Household) -> None:
    for event in household.events:
        client.observe_event(event_to_proto(event))


def _push_everything(client: BrainClient) -> None:
    while client.sync_now().pending_sketches:
        pass


def _round(fleet: Fleet) -> federation_pb.Round:
    with FederationClient(fleet.cluster.worker.address) as client:
        request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()))
        done = client.run_round(request).round
    fleet.settle()
    return done


def _list(client: BrainClient) -> brain_pb.GetRecommendationsResponse:
    return client.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))


def test_the_loop_closes(fleet: Fleet) -> None:
    household = fleet.households[0]
    process = fleet.cluster.brain("loop")
    with BrainClient(process.address) as client:
        first = client.sync_now()
        assert first.resource_bytes > 0
        assert client.get_stats().contents == len(fleet.contents)
        _replay(client, household)
        before = _list(client)
        assert (before.basis, before.factors_version) == (brain_pb.BASIS_PERSONAL, 0)
        _push_everything(client)
        fleet.push_all()
        done = _round(fleet)
        assert done.status == federation_pb.ROUND_STATUS_SUCCEEDED
        assert done.devices == len(fleet.tvs) + 1
        news = client.sync_now()
        assert news.pulled_patterns == done.patterns > 0
        assert news.state_version == done.state_version
        after = _list(client)
        assert after.factors_version == done.factors_version > 0
        assert [r.content_id for r in after.recommendations] != [
            r.content_id for r in before.recommendations
        ]
        seen = {event.content_id for event in household.events}
        for recommended in after.recommendations:
            assert recommended.content_id not in seen
            assert set(recommended.because_content_ids) <= seen
        stats = client.get_stats()
        assert stats.sketches_pending == 0
        assert stats.sketches_acknowledged > 0
        assert stats.global_patterns == done.patterns
        assert stats.last_sync_error == ""
        again = client.sync_now()
        assert (again.pushed_sketches, again.pulled_patterns, again.resource_bytes) == (0, 0, 0)


@pytest.fixture(scope="module")
def learnt(shared: Fleet) -> Fleet:
    """A fleet that has pushed, after its round."""
    shared.push_all()
    _round(shared)
    return shared


def test_a_new_household_starts_from_what_the_fleet_likes(learnt: Fleet) -> None:
    with BrainClient(learnt.cluster.brain("new").address) as client:
        client.sync_now()
        answer = _list(client)
        assert answer.basis == brain_pb.BASIS_COLLECTIVE_PRIOR
        assert len(answer.recommendations) == 10


def test_without_consent_nothing_leaves_and_the_news_still_come(learnt: Fleet) -> None:
    with psycopg.connect(learnt.cluster.database_url) as connection:
        before = connection.execute("SELECT count(*) FROM pushes").fetchone()
    process = learnt.cluster.brain(
        "silent", OMEGA_BRAIN_CONSENT="false", OMEGA_BRAIN_SHARING="receive-only"
    )
    with BrainClient(process.address) as client:
        client.sync_now()
        _replay(client, learnt.households[1])
        outcome = client.sync_now()
        assert outcome.pushed_sketches == outcome.pending_sketches == 0
        assert _list(client).factors_version > 0
    with psycopg.connect(learnt.cluster.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pushes").fetchone() == before


def test_what_the_server_holds_of_a_household_is_sketches(shared: Fleet) -> None:
    others = _pushed(shared)
    process = shared.cluster.brain("private", OMEGA_BRAIN_MIN_SAMPLES="1")
    household = shared.households[0]
    with BrainClient(process.address) as client:
        client.sync_now()
        _replay(client, household)
        _push_everything(client)
        liked = client.get_stats().liked
    with psycopg.connect(shared.cluster.database_url) as connection:
        rows = connection.execute(
            "SELECT sketches, classes FROM pushes WHERE device_id <> ALL(%s)", (others,)
        ).fetchall()
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'pushes'"
        ).fetchall()
    assert sum(len(classes) for _, classes in rows) == liked
    assert {name for (name,) in columns} == {
        "device_id",
        "request_id",
        "model_version",
        "sketches",
        "classes",
        "count",
        "sigma_hundredths",
        "received_at",
    }
    clear = {_signs(shared.embeddings[event.content_id]) for event in household.events}
    sent = {s[i : i + 48] for s, _ in rows for i in range(0, len(s), 48)}
    assert len(sent) == liked
    assert not sent & clear


def _pushed(fleet: Fleet) -> list[object]:
    """Devices of which something is stored."""
    with psycopg.connect(fleet.cluster.database_url) as connection:
        found = connection.execute("SELECT DISTINCT device_id FROM pushes").fetchall()
    return [device_id for (device_id,) in found]


def _signs(vector: FloatArray) -> bytes:
    return np.packbits(vector >= 0).tobytes()


def test_a_lost_answer_repeats_the_same_push(shared: Fleet) -> None:
    """The sync service dies and returns; every liked title arrives exactly once."""
    others = _pushed(shared)
    process = shared.cluster.brain("partition", OMEGA_BRAIN_MIN_SAMPLES="1")
    with BrainClient(process.address) as client:
        client.sync_now()
        _replay(client, shared.households[1])
        client.sync_now()
        shared.cluster.sync.kill()
        with pytest.raises(ServiceError) as caught:
            client.sync_now()
        assert caught.value.status == "UNAVAILABLE"
        assert len(_list(client).recommendations) == 10
        process.kill()
    shared.cluster.restart_sync()
    with BrainClient(shared.cluster.brain("partition").address) as client:
        _push_everything(client)
        stats = client.get_stats()
        assert stats.sketches_acknowledged == stats.liked
    with psycopg.connect(shared.cluster.database_url) as connection:
        stored = connection.execute(
            "SELECT sum(count), count(DISTINCT device_id) FROM pushes WHERE device_id <> ALL(%s)",
            (others,),
        ).fetchone()
    assert stored == (stats.liked, 1)
