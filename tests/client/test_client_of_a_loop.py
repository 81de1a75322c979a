"""What only tasks of an event loop do: they are cancelled, and talk both ways at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2
from omega_client import ServiceError, SyncClient
from omega_client.aio import BrainClient
from omega_client.aio import SyncClient as LoopSyncClient
from omega_rpc.aio.loop import run

BRAIN = "omega.brain.v1.BrainService"
SYNC = "omega.sync.v1.SyncService"
Serve = Callable[..., str]
Asks = Callable[[BrainClient], Coroutine[Any, Any, object]]
WATCH = pb.WatchRecommendationsRequest()


class Patient:
    """Answers nothing, or two lists and then nothing, until the call ends."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()

    def GetStats(  # noqa: N802 - the contract's name
        self, _request: pb.GetStatsRequest, context: grpc.ServicerContext
    ) -> pb.GetStatsResponse:
        self._wait(context)
        return pb.GetStatsResponse()

    def WatchRecommendations(  # noqa: N802 - the contract's name
        self, _request: pb.WatchRecommendationsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchRecommendationsResponse]:
        for number in (1, 2):
            yield pb.WatchRecommendationsResponse(number=number)
        self._wait(context)

    def ObserveEvents(  # noqa: N802 - the contract's name
        self, requests: Iterator[pb.ObserveEventsRequest], _context: grpc.ServicerContext
    ) -> pb.ObserveEventsResponse:
        return pb.ObserveEventsResponse(recorded=len(list(requests)))

    def _wait(self, context: grpc.ServicerContext) -> None:
        context.add_callback(self.ended.set)
        self.begun.set()
        self.ended.wait(30)


async def _happened(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, 20)


async def _stats(client: BrainClient) -> object:
    return await client.get_stats()


async def _numbers(client: BrainClient) -> object:
    return [each.number async for each in client.watch_recommendations(WATCH, seconds=30)]


@pytest.mark.parametrize("call", [_stats, _numbers])
def test_a_task_that_is_cancelled_ends_its_call_at_the_server(serve: Serve, call: Asks) -> None:
    servicer = Patient()

    async def leave() -> None:
        async with BrainClient(serve(BRAIN, servicer)) as client:
            task = asyncio.create_task(call(client))
            assert await _happened(servicer.begun)
            assert not servicer.ended.is_set()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await _happened(servicer.ended)
            assert (await client.observe_events([])).recorded == 0

    run(leave())


def test_a_limit_of_asyncio_ends_the_call_too(serve: Serve) -> None:
    servicer = Patient()

    async def hurry() -> None:
        async with BrainClient(serve(BRAIN, servicer)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.get_stats()
            assert await _happened(servicer.ended)

    run(hurry())


def test_a_deadline_that_passes_is_an_error_of_the_call(serve: Serve) -> None:
    async def ask() -> None:
        async with BrainClient(serve(BRAIN, Patient())) as client:
            with pytest.raises(ServiceError) as caught:
                await client.within(0.3).get_stats()
            assert (caught.value.status, caught.value.reason) == ("DEADLINE_EXCEEDED", "")

    run(ask())


@pytest.mark.parametrize("call", [_stats, _numbers])
def test_who_waits_while_the_client_is_closed_is_told_and_not_cancelled(
    serve: Serve, call: Asks
) -> None:
    servicer = Patient()

    async def ask() -> None:
        client = BrainClient(serve(BRAIN, servicer))
        task = asyncio.create_task(call(client))
        assert await _happened(servicer.begun)
        await client.close()
        with pytest.raises(ServiceError, match="CANCELLED"):
            await task
        assert await _happened(servicer.ended)

    run(ask())


def test_another_task_ends_a_wait_for_the_next_list(serve: Serve) -> None:
    servicer = Patient()

    async def follow() -> list[int]:
        async with (
            BrainClient(serve(BRAIN, servicer)) as client,
            client.watch_recommendations(WATCH, seconds=30) as watch,
        ):
            seen, both = list[int](), asyncio.Event()

            async def read() -> list[int]:
                async for answer in watch:
                    seen.append(answer.number)
                    if len(seen) == 2:
                        both.set()
                return seen

            task = asyncio.create_task(read())
            assert await _happened(servicer.begun)
            await both.wait()
            await watch.close()
            assert [answer async for answer in watch] == []
            return await task

    assert run(follow()) == [1, 2]


async def _events(
    count: int, then: Exception | None = None
) -> AsyncIterator[pb.ObserveEventRequest]:
    for number in range(count):
        await asyncio.sleep(0)
        yield pb.ObserveEventRequest(event_id=f"e{number}")
    if then:
        raise then


def test_events_come_from_an_asynchronous_source_or_a_plain_one(serve: Serve) -> None:
    async def send() -> None:
        async with BrainClient(serve(BRAIN, Patient())) as client:
            assert (await client.observe_events(_events(300))).recorded == 300
            plain = [pb.ObserveEventRequest(event_id="e")] * 2
            assert (await client.observe_events(plain)).recorded == 2
            with pytest.raises(OSError, match="the old device is gone"):
                await client.observe_events(_events(2, OSError("the old device is gone")))

    run(send())


class Door:
    """Answers each exchange by its request_id, and after the second sends news unasked."""

    def StreamSync(  # noqa: N802 - the contract's name
        self,
        requests: Iterator[sync_service_pb2.StreamSyncRequest],
        _context: grpc.ServicerContext,
    ) -> Iterator[sync_service_pb2.StreamSyncResponse]:
        for count, request in enumerate(requests, 1):
            yield sync_service_pb2.StreamSyncResponse(request_id=request.exchange.request_id)
            if count == 2:
                yield sync_service_pb2.StreamSyncResponse()


def _exchange(name: str) -> sync_service_pb2.StreamSyncRequest:
    return sync_service_pb2.StreamSyncRequest(
        exchange=sync_service_pb2.SyncRequest(request_id=name)
    )


def test_a_device_talks_on_an_open_stream_from_a_loop(serve: Serve) -> None:
    async def talk() -> list[str]:
        said: asyncio.Queue[sync_service_pb2.StreamSyncRequest | None] = asyncio.Queue()

        async def requests() -> AsyncIterator[sync_service_pb2.StreamSyncRequest]:
            while (request := await said.get()) is not None:
                yield request

        heard = []
        async with (
            LoopSyncClient(serve(SYNC, Door())) as client,
            client.stream_sync(requests(), seconds=30) as answers,
        ):
            for name in ("one", "two"):
                said.put_nowait(_exchange(name))
                heard.append((await anext(answers)).request_id)
            heard.append((await anext(answers)).request_id)
            said.put_nowait(None)
            assert [answer async for answer in answers] == []
        return heard

    assert run(talk()) == ["one", "two", ""]


def test_a_device_talks_on_an_open_stream_from_threads(serve: Serve) -> None:
    with (
        SyncClient(serve(SYNC, Door())) as client,
        client.stream_sync([_exchange("one"), _exchange("two")], seconds=30) as answers,
    ):
        assert [answer.request_id for answer in answers] == ["one", "two", ""]


def test_what_the_source_of_a_stream_raises_comes_out(serve: Serve) -> None:
    def broken() -> Iterator[sync_service_pb2.StreamSyncRequest]:
        yield _exchange("one")
        raise OSError("no more")

    async def talk() -> None:
        async with LoopSyncClient(serve(SYNC, Door())) as client:
            with pytest.raises(OSError, match="no more"):
                _ = [answer async for answer in client.stream_sync(broken(), seconds=30)]

    run(talk())
    with (
        SyncClient(serve(SYNC, Door())) as client,
        client.stream_sync(broken(), seconds=30) as answers,
        pytest.raises(OSError, match="no more"),
    ):
        list(answers)
