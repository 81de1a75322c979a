from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_sync.steps import Step, Steps

STEP = Step(1, 2, "", resource_pb2.CODEC_U8_ZSTD, 0)


class Constellation:
    """Answers steps by what was asked, and counts."""

    def __init__(self, newest: int = 2, size: int = 10) -> None:
        self.newest, self.size = newest, size
        self.asked: list[pb.GetGlobalStateRequest] = []
        self.failure: OmegaError | None = None

    async def ask(self, request: pb.GetGlobalStateRequest) -> pb.GetGlobalStateResponse:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        delta = bytes([request.page]) * self.size
        return pb.GetGlobalStateResponse(state_version=self.newest, delta=delta)


def test_a_step_is_asked_for_once_however_many_want_it() -> None:
    async def story() -> None:
        upstream = Constellation()
        steps = Steps()
        answers = await asyncio.gather(*(steps.get(STEP, 20, upstream.ask) for _ in range(50)))
        assert {answer.delta for answer in answers} == {bytes(10)}
        assert await steps.get(STEP, 20, upstream.ask) is answers[0]
        assert len(upstream.asked) == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, base=0),
        replace(STEP, region="FR"),
        replace(STEP, codec=resource_pb2.CODEC_TRANSFORM),
        replace(STEP, codebook_id=7),
        replace(STEP, page=1),
    ],
)
def test_whatever_differs_is_another_step(other: Step) -> None:
    async def story() -> None:
        upstream = Constellation()
        steps = Steps()
        await steps.get(STEP, 20, upstream.ask)
        await steps.get(other, 20, upstream.ask)
        asked = upstream.asked[1]
        assert (asked.state_version, asked.region, asked.codec) == (
            other.base,
            other.region,
            other.codec,
        )
        assert (asked.codebook_id, asked.page, asked.wanted_version, asked.device_id) == (
            other.codebook_id,
            other.page,
            2,
            "",
        )

    asyncio.run(story())


def test_what_leads_elsewhere_by_now_is_handed_on_and_not_kept() -> None:
    async def story() -> None:
        upstream = Constellation(newest=3)
        steps = Steps()
        assert (await steps.get(STEP, 20, upstream.ask)).state_version == 3
        await steps.get(STEP, 20, upstream.ask)
        assert len(upstream.asked) == 2

    asyncio.run(story())


def test_a_failure_is_told_to_all_and_not_kept() -> None:
    async def story() -> None:
        upstream = Constellation()
        upstream.failure = OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)
        steps = Steps()
        done = await asyncio.gather(
            *(steps.get(STEP, 20, upstream.ask) for _ in range(3)), return_exceptions=True
        )
        assert {type(d) for d in done} == {OmegaError}
        upstream.failure = None
        assert (await steps.get(STEP, 20, upstream.ask)).state_version == 2
        assert len(upstream.asked) == 2

    asyncio.run(story())


def test_one_that_gives_up_does_not_end_the_question() -> None:
    async def story() -> None:
        upstream = Constellation()
        steps = Steps()
        impatient = asyncio.create_task(steps.get(STEP, 20, upstream.ask))
        patient = asyncio.create_task(steps.get(STEP, 20, upstream.ask))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).state_version == 2

    asyncio.run(story())


def test_the_longest_unused_go_when_memory_is_full() -> None:
    async def story() -> None:
        upstream = Constellation(size=1_000)
        steps = Steps(most_bytes=5_000)
        for page in (0, 1, 2):
            await steps.get(replace(STEP, page=page), 20, upstream.ask)
        await steps.get(STEP, 20, upstream.ask)
        await steps.get(replace(STEP, page=3), 20, upstream.ask)
        assert len(upstream.asked) == 4
        await steps.get(STEP, 20, upstream.ask)
        assert len(upstream.asked) == 4
        await steps.get(replace(STEP, page=1), 20, upstream.ask)
        assert len(upstream.asked) == 5

    asyncio.run(story())
