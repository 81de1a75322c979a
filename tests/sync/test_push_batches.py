from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_sync.batches import MOST_IN_BATCH, Batches


class Constellation:
    """Keeps each batch until it is let go; refuses pushes by name."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()

    async def ingest(
        self, request: pb.IngestPatternsRequest, request_id: str
    ) -> pb.IngestPatternsResponse:
        del request_id
        names = [push.device_id for push in request.pushes]
        self.batches.append(names)
        await self.open.wait()
        if self.refused in names:
            raise OmegaError(ErrorCode.INVALID_FIELD, field=f"pushes[{names.index(self.refused)}]")
        results = [pb.PushResult(region=name) for name in names]
        return pb.IngestPatternsResponse(results=results)


def send(batches: Batches, name: str, seconds: float = 20) -> asyncio.Task[pb.PushResult]:
    push: Coroutine[Any, Any, pb.PushResult] = batches.push(pb.DevicePush(device_id=name), seconds)
    return asyncio.create_task(push)


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_arrives_during_a_call_forms_the_next() -> None:
    async def story() -> None:
        upstream = Constellation()
        batches = Batches(upstream.ingest, most_waiting=1_000)
        first = send(batches, "0")
        await settle()
        later = [send(batches, str(n)) for n in range(1, MOST_IN_BATCH + 3)]
        await settle()
        upstream.open.set()
        results = await asyncio.gather(first, *later)
        assert [r.region for r in results] == [str(n) for n in range(MOST_IN_BATCH + 3)]
        assert [len(batch) for batch in upstream.batches] == [1, MOST_IN_BATCH, 2]

    asyncio.run(story())


def test_too_many_that_wait_are_refused_at_once() -> None:
    async def story() -> None:
        upstream = Constellation()
        batches = Batches(upstream.ingest, most_waiting=2)
        under_way = send(batches, "0")
        await settle()
        waiting = [send(batches, str(n)) for n in (1, 2)]
        await settle()
        with pytest.raises(OmegaError) as caught:
            await send(batches, "3")
        assert caught.value.code is ErrorCode.OVERLOADED
        upstream.open.set()
        await asyncio.gather(under_way, *waiting)
        assert (await send(batches, "4")).region == "4"

    asyncio.run(story())


def test_one_push_out_of_bounds_refuses_no_other() -> None:
    async def story() -> None:
        upstream = Constellation(refused="2")
        upstream.open.set()
        batches = Batches(upstream.ingest, most_waiting=10)
        sent = [send(batches, str(n)) for n in range(4)]
        done = await asyncio.gather(*sent, return_exceptions=True)
        assert [d.region for d in done if isinstance(d, pb.PushResult)] == ["0", "1", "3"]
        assert isinstance(done[2], OmegaError)
        assert done[2].code is ErrorCode.INVALID_FIELD

    asyncio.run(story())


def test_whoever_gave_up_or_waited_too_long_is_not_sent() -> None:
    async def story() -> None:
        upstream = Constellation()
        batches = Batches(upstream.ingest, most_waiting=10)
        under_way = send(batches, "0")
        await settle()
        gone, late, patient = send(batches, "1"), send(batches, "2", -1.0), send(batches, "3")
        await settle()
        gone.cancel()
        await settle()
        upstream.open.set()
        assert (await under_way).region == "0"
        assert (await patient).region == "3"
        with pytest.raises(OmegaError) as caught:
            await late
        assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
        assert upstream.batches == [["0"], ["3"]]

    asyncio.run(story())


def test_a_push_whose_answer_does_not_come_is_given_up_in_time_and_stored_all_the_same() -> None:
    async def story() -> None:
        upstream = Constellation()
        batches = Batches(upstream.ingest, most_waiting=10)
        sent = send(batches, "0", 0.05)
        with pytest.raises(OmegaError) as caught:
            await sent
        assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
        upstream.open.set()
        await settle()
        assert upstream.batches == [["0"]]

    asyncio.run(story())


def test_a_gateway_that_stops_leaves_nobody_without_an_answer() -> None:
    async def story() -> None:
        batches = Batches(Constellation().ingest, most_waiting=10)
        waiting = [send(batches, str(n)) for n in range(3)]
        await settle()
        await batches.stop(0.1)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [getattr(each, "code", None) for each in found] == [
            ErrorCode.UPSTREAM_UNAVAILABLE
        ] * 3

    asyncio.run(story())


def test_a_failure_belongs_to_all_who_wait_and_the_next_call_goes_on() -> None:
    async def story() -> None:
        failing = True

        async def ingest(
            request: pb.IngestPatternsRequest, request_id: str
        ) -> pb.IngestPatternsResponse:
            del request_id
            if failing:
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)
            return pb.IngestPatternsResponse(results=[pb.PushResult() for _ in request.pushes])

        batches = Batches(ingest, most_waiting=10)
        done = await asyncio.gather(
            *(send(batches, str(n)) for n in range(3)), return_exceptions=True
        )
        assert {type(d) for d in done} == {OmegaError}
        failing = False
        assert await send(batches, "4") == pb.PushResult()

    asyncio.run(story())


def test_an_answer_with_a_result_too_few_is_no_answer() -> None:
    async def story() -> None:
        async def ingest(
            request: pb.IngestPatternsRequest, request_id: str
        ) -> pb.IngestPatternsResponse:
            del request, request_id
            return pb.IngestPatternsResponse()

        with pytest.raises(OmegaError) as caught:
            await send(Batches(ingest, most_waiting=10), "0")
        assert caught.value.code is ErrorCode.INTERNAL

    asyncio.run(story())
