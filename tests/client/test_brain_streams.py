"""The brain's streams: a list that keeps coming, and many events in one call."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ServiceError
from omega_core.errors import ErrorCode, OmegaError

NAME = "omega.brain.v1.BrainService"
Serve = Callable[..., str]


class Lists:
    """Streams two lists, then waits until the call ends or it is told to refuse."""

    def __init__(self, then: OmegaError | None = None) -> None:
        self.then = then
        self.calls = 0
        self.ended = threading.Event()

    def WatchRecommendations(  # noqa: N802 - the contract's name
        self, _request: pb.WatchRecommendationsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchRecommendationsResponse]:
        self.calls += 1
        context.add_callback(self.ended.set)
        for number in (1, 2):
            yield pb.WatchRecommendationsResponse(number=number)
        if self.then:
            raise self.then
        self.ended.wait(30)


def _watch(client: BrainClient, seen: list[int], seconds: float = 20) -> None:
    with client.watch_recommendations(pb.WatchRecommendationsRequest(), seconds=seconds) as watch:
        seen.extend(answer.number for answer in watch)


def test_lists_arrive_as_they_come_and_leaving_ends_the_call(serve: Serve) -> None:
    servicer = Lists()
    with (
        BrainClient(serve(NAME, servicer)) as client,
        client.watch_recommendations(pb.WatchRecommendationsRequest(), seconds=20) as watch,
    ):
        assert [next(watch).number, next(watch).number] == [1, 2]
        assert not servicer.ended.is_set()
        watch.close()
        assert servicer.ended.wait(10)
        assert list(watch) == []
        watch.close()


def test_another_thread_ends_a_wait_for_the_next_list(serve: Serve) -> None:
    received: list[int] = []
    second = threading.Event()
    with (
        BrainClient(serve(NAME, Lists())) as client,
        client.watch_recommendations(pb.WatchRecommendationsRequest(), seconds=30) as watch,
    ):

        def follow() -> None:
            for answer in watch:
                received.append(answer.number)
                if answer.number == 2:
                    second.set()

        reader = threading.Thread(target=follow)
        reader.start()
        assert second.wait(10)
        watch.close()
        reader.join(10)
        assert not reader.is_alive()
    assert received == [1, 2]


@pytest.mark.parametrize(("timeout", "seconds"), [(60, 0.5), (0.001, 20)])
def test_a_watch_lasts_as_long_as_asked_whatever_the_clients_timeout(
    serve: Serve, timeout: float, seconds: float
) -> None:
    seen: list[int] = []
    servicer = Lists(OmegaError(ErrorCode.OVERLOADED) if seconds > timeout else None)
    with (
        BrainClient(serve(NAME, servicer), timeout=timeout) as client,
        pytest.raises(ServiceError) as caught,
    ):
        _watch(client, seen, seconds)
    expected = "RESOURCE_EXHAUSTED" if seconds > timeout else "DEADLINE_EXCEEDED"
    assert (caught.value.status, seen) == (expected, [1, 2])


def test_an_error_after_lists_is_raised_and_not_repeated(serve: Serve) -> None:
    servicer = Lists(OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE))
    seen: list[int] = []
    with BrainClient(serve(NAME, servicer)) as client, pytest.raises(ServiceError) as caught:
        _watch(client, seen)
    assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE")
    assert (seen, servicer.calls) == ([1, 2], 1)


@pytest.mark.parametrize("seconds", [0.0, 86_401.0, float("nan")])
def test_a_watch_out_of_bounds_is_refused(seconds: float) -> None:
    with BrainClient("127.0.0.1:1") as client, pytest.raises(OmegaError, match="seconds must be"):
        client.watch_recommendations(pb.WatchRecommendationsRequest(), seconds=seconds)


class Recorder:
    """Counts the events of each call; may be away for the first ones."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.calls: list[list[str]] = []

    def ObserveEvents(  # noqa: N802 - the contract's name
        self, requests: Iterator[pb.ObserveEventsRequest], context: grpc.ServicerContext
    ) -> pb.ObserveEventsResponse:
        taken: list[str] = []
        self.calls.append(taken)
        taken.extend(request.event.event_id for request in requests)
        if len(self.calls) <= self.away:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return pb.ObserveEventsResponse(recorded=len(taken))


def _events(count: int) -> Iterator[pb.ObserveEventRequest]:
    return (pb.ObserveEventRequest(event_id=f"e{i}") for i in range(count))


def test_many_events_are_one_call(serve: Serve) -> None:
    servicer = Recorder()
    with BrainClient(serve(NAME, servicer)) as client:
        assert client.observe_events(_events(500)).recorded == 500
    assert servicer.calls == [[f"e{i}" for i in range(500)]]


def test_events_that_were_not_taken_are_sent_again_from_the_first(serve_plain: Serve) -> None:
    servicer = Recorder(away=1)
    with BrainClient(serve_plain(NAME, servicer), timeout=20) as client:
        assert client.observe_events(_events(3)).recorded == 3
    assert servicer.calls == [["e0", "e1", "e2"]] * 2


def test_what_the_source_of_events_raises_comes_out(serve: Serve) -> None:
    def broken() -> Iterator[pb.ObserveEventRequest]:
        yield from _events(2)
        raise OSError("the old device is gone")

    with (
        BrainClient(serve(NAME, Recorder())) as client,
        pytest.raises(OSError, match="the old device is gone"),
    ):
        client.observe_events(broken())


class Away:
    """Says that it did not take the call, and notes who asked."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.cleared: list[str] = []

    def DeleteProfile(  # noqa: N802 - the contract's name
        self, request: pb.DeleteProfileRequest, context: grpc.ServicerContext
    ) -> pb.DeleteProfileResponse:
        self.deleted.append(request.profile_id)
        context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

    def ClearData(  # noqa: N802 - the contract's name
        self, request: pb.ClearDataRequest, context: grpc.ServicerContext
    ) -> pb.ClearDataResponse:
        self.cleared.append(request.request_id)
        if len(self.cleared) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return pb.ClearDataResponse(erased_rows=7)


def test_an_erasure_that_names_itself_is_repeated_and_that_of_a_profile_is_not(
    serve_plain: Serve,
) -> None:
    servicer = Away()
    with BrainClient(serve_plain(NAME, servicer), timeout=20) as client:
        assert client.clear_data().erased_rows == 7
        with pytest.raises(ServiceError) as caught:
            client.delete_profile("ann")
    assert caught.value.status == "UNAVAILABLE"
    assert servicer.deleted == ["ann"]
    first, again = servicer.cleared
    assert first == again == str(uuid.UUID(first))
