"""StreamSync before a stand-in of the constellation."""

from __future__ import annotations

import queue
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import grpc
import pytest

from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc.service import Application
from omega_rpc.status import from_rpc_error
from omega_sync.config import SyncConfig
from omega_testing.probe import eventually
from omega_testing.stand_in import DEVICE, StandIn

Bearer = dict[str, Any]
Serve = Callable[..., tuple[grpc.Channel, Application]]


class Talk:
    """A TV on an open stream."""

    def __init__(self, channel: grpc.Channel, bearer: Bearer) -> None:
        self._said: queue.SimpleQueue[pb.StreamSyncRequest | None] = queue.SimpleQueue()
        stub = sync_service_pb2_grpc.SyncServiceStub(channel)
        self.call = stub.StreamSync(iter(self._said.get, None), **bearer)

    def say(self, **message: Any) -> None:
        self._said.put(pb.StreamSyncRequest(**message))

    def hear(self) -> pb.StreamSyncResponse:
        return next(self.call)

    def exchange(self, **fields: Any) -> pb.StreamSyncResponse:
        self.say(exchange=request(**fields))
        return self.hear()

    def acknowledge(self, version: int) -> None:
        self.say(acknowledgement=pb.StreamAcknowledgement(state_version=version))

    def hang_up(self) -> None:
        self._said.put(None)

    def refused(self) -> OmegaError:
        with pytest.raises(grpc.RpcError) as caught:
            self.hear()
        return from_rpc_error(caught.value)


def request(**fields: Any) -> pb.SyncRequest:
    given = {"request_id": str(uuid.uuid4()), "model_version": "encoder-1"}
    return pb.SyncRequest(**{**given, **fields})


@pytest.fixture
def talk(channel: grpc.Channel, bearer: Bearer) -> Iterator[Talk]:
    with talking(channel, bearer) as begun:
        yield begun


@contextmanager
def talking(channel: grpc.Channel, bearer: Bearer) -> Iterator[Talk]:
    begun = Talk(channel, bearer)
    try:
        yield begun
    finally:
        begun.hang_up()
        begun.call.cancel()


def test_exchanges_follow_one_another_on_a_stream(talk: Talk, upstream: StandIn) -> None:
    for sketches in (0, 2, 3):
        said = request(sketches=bytes(48 * sketches), classes=bytes(sketches))
        talk.say(exchange=said)
        heard = talk.hear()
        assert heard.request_id == said.request_id
        assert heard.answer.accepted_sketches == sketches
        assert (heard.answer.state_version, heard.answer.delta) == (9, b"delta")
    pushed = [r for r in upstream.asked if isinstance(r, upstream_pb.IngestPatternsRequest)]
    assert [len(r.pushes[0].classes) for r in pushed] == [0, 2, 3]
    talk.hang_up()
    assert list(talk.call) == []
    assert talk.call.code() is grpc.StatusCode.OK


def test_the_step_is_fetched_once_for_all_streams(
    channel: grpc.Channel, bearer: Bearer, upstream: StandIn
) -> None:
    for _ in range(3):
        with talking(channel, bearer) as talk:
            assert talk.exchange().answer.delta == b"delta"
    asked = [r for r in upstream.asked if isinstance(r, upstream_pb.GetGlobalStateRequest)]
    assert len(asked) == 1


@pytest.mark.parametrize("code", [ErrorCode.OVERLOADED, ErrorCode.STORAGE_FULL])
def test_a_refused_exchange_leaves_the_stream_open(
    talk: Talk, upstream: StandIn, code: ErrorCode
) -> None:
    talk.exchange()
    upstream.failure = OmegaError(code, field="a_field", bound="a bound", retry_after=7.0)
    refused = talk.exchange()
    assert refused.WhichOneof("message") == "refusal"
    status: int = grpc.StatusCode[CATALOGUE[code].status].value[0]
    assert refused.refusal.status == status
    assert (refused.refusal.reason, refused.refusal.field) == (code, "a_field")
    assert (refused.refusal.bound, refused.refusal.retry_after.seconds) == ("a bound", 7)
    upstream.failure = None
    assert talk.exchange().answer.state_version == 9


def test_an_exchange_out_of_bounds_is_refused_by_field_and_bound(talk: Talk) -> None:
    refused = talk.exchange(request_id="1").refusal
    assert (refused.status, refused.reason) == (3, "INVALID_FIELD")
    assert (refused.field, refused.bound) == ("request_id", "a UUID of 36 characters")
    assert not refused.HasField("retry_after")


def test_news_come_unasked_when_those_before_are_acknowledged(
    talk: Talk, upstream: StandIn
) -> None:
    assert talk.exchange(state_version=9).answer.delta == b""
    upstream.state_version = 10
    news = talk.hear()
    assert (news.request_id, news.answer.state_version) == ("", 10)
    assert news.answer.delta == b"delta"
    # Not acknowledged yet: the next ones wait, however many there are.
    upstream.state_version = 11
    upstream.await_poll()
    talk.acknowledge(10)
    assert talk.hear().answer.state_version == 11
    asked = [r for r in upstream.asked if isinstance(r, upstream_pb.GetGlobalStateRequest)]
    assert [(r.state_version, r.wanted_version) for r in asked] == [(9, 10), (10, 11)]


def test_an_exchange_acknowledges_too(talk: Talk, upstream: StandIn) -> None:
    assert talk.exchange(state_version=8).answer.delta == b"delta"
    assert talk.exchange(state_version=9).answer.delta == b""
    upstream.state_version = 10
    assert talk.hear().answer.state_version == 10


def test_a_message_that_is_none_ends_the_stream(talk: Talk) -> None:
    talk.say()
    error = talk.refused()
    assert (error.code, error.field) == (ErrorCode.INVALID_FIELD, "message")


def test_an_acknowledgement_comes_after_an_exchange(talk: Talk) -> None:
    talk.acknowledge(9)
    assert talk.refused().field == "message"


def test_an_unknown_device_ends_its_stream(talk: Talk, upstream: StandIn) -> None:
    upstream.outcome = upstream_pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE
    talk.say(exchange=request())
    assert talk.refused().code is ErrorCode.UNAUTHENTICATED


def test_a_revocation_ends_the_stream_of_its_device(talk: Talk, upstream: StandIn) -> None:
    talk.exchange()
    upstream.revocations += [
        upstream_pb.Revocation(device_id="tv-" + "0" * 32),
        upstream_pb.Revocation(device_id=DEVICE),
    ]
    assert talk.refused().code is ErrorCode.REVOKED


def test_more_streams_than_allowed_are_refused(
    serve: Serve, config: SyncConfig, bearer: Bearer
) -> None:
    channel, _ = serve(replace(config, max_open_streams=1))
    with talking(channel, bearer) as first:
        first.exchange()
        with talking(channel, bearer) as second:
            assert second.refused().code is ErrorCode.OVERLOADED
        first.exchange()
        first.hang_up()
        assert list(first.call) == []

    def allowed() -> bool:
        with talking(channel, bearer) as next_one:
            try:
                return bool(next_one.exchange().answer.state_version)
            except grpc.RpcError:
                return False

    assert eventually(allowed, bool)


@pytest.mark.parametrize(
    "limits", [{"stream_idle_seconds": 1}, {"stream_longest_seconds": 1}], ids=["idle", "age"]
)
def test_a_stream_ends_cleanly_at_its_limits(
    serve: Serve, config: SyncConfig, bearer: Bearer, limits: dict[str, Any]
) -> None:
    channel, _ = serve(replace(config, **limits))
    with talking(channel, bearer) as talk:
        talk.exchange()
        assert list(talk.call) == []
        assert talk.call.code() is grpc.StatusCode.OK


def test_a_stop_ends_streams_cleanly_after_the_exchange_under_way(
    serve: Serve, config: SyncConfig, bearer: Bearer, upstream: StandIn
) -> None:
    channel, gateway = serve(config, grace=20)
    with talking(channel, bearer) as idle, talking(channel, bearer) as busy:
        idle.exchange()
        busy.exchange()
        upstream.held.clear()
        busy.say(exchange=request(sketches=bytes(48), classes=bytes(1)))
        eventually(lambda: upstream.asked, lambda asked: len(asked[-1].pushes) == 1)
        stop = Thread(target=gateway.server.stop)
        stop.start()
        assert list(idle.call) == []
        upstream.held.set()
        assert busy.hear().answer.accepted_sketches == 1
        assert list(busy.call) == []
        assert {idle.call.code(), busy.call.code()} == {grpc.StatusCode.OK}
        stop.join(20)
        assert not stop.is_alive()
