"""Encoded steps between versions of the collective state, each fetched once for all TVs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_rpc.aio.tasks import within

MOST_BYTES = 64 << 20
"""Bytes of steps that are kept."""
_OVERHEAD = 512
Ask = Callable[[pb.GetGlobalStateRequest], Awaitable[pb.GetGlobalStateResponse]]


@dataclass(frozen=True, slots=True)
class Step:
    """Names a step, or a page of one."""

    base: int
    """Version held; 0 = none."""
    version: int
    """Version that it leads to."""
    region: str
    """Region with trends of its own; empty = what all others share."""
    codec: resource_pb2.Codec.ValueType
    """Best codec that the TV reads."""
    codebook_id: int
    """Codebook that the TV holds; 0 = none."""
    page: int = 0
    """From 0."""


class Steps:
    """A bounded cache of steps.

    Args:
        most_bytes: bound on what is kept; the longest unused goes first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Step, pb.GetGlobalStateResponse] = OrderedDict()
        self._asking: dict[tuple[Step, Ask], asyncio.Task[pb.GetGlobalStateResponse]] = {}

    async def get(self, step: Step, seconds: float, ask: Ask) -> pb.GetGlobalStateResponse:
        """The answer of a constellation for a step; its state_version may be a newer one.

        A step is the same at every shard that has both versions: what one gave is kept for all.

        Args:
            step: the wanted one.
            seconds: longest wait.
            ask: GetGlobalState of the shard to ask.

        Raises:
            OmegaError: what the constellation raises; DEADLINE_EXCEEDED after `seconds`.
        """
        known = self._kept.get(step)
        if known is not None:
            self._kept.move_to_end(step)
            return known
        key = (step, ask)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._fetch(*key))
            task.add_done_callback(lambda done: self._asked(key, done))
        # Others may wait for the same: one that gives up does not end the question.
        async with within(seconds):
            return await asyncio.shield(task)

    async def _fetch(self, step: Step, ask: Ask) -> pb.GetGlobalStateResponse:
        answer = await ask(
            pb.GetGlobalStateRequest(
                state_version=step.base,
                codec=step.codec,
                codebook_id=step.codebook_id,
                page=step.page,
                wanted_version=step.version,
                region=step.region,
            )
        )
        if answer.state_version == step.version and step not in self._kept:
            self._keep(step, answer)
        return answer

    def _asked(self, key: tuple[Step, Ask], done: asyncio.Task[pb.GetGlobalStateResponse]) -> None:
        del self._asking[key]
        if not done.cancelled():
            done.exception()  # those who waited have it

    def _keep(self, step: Step, answer: pb.GetGlobalStateResponse) -> None:
        self._kept[step] = answer
        self._bytes += _OVERHEAD + len(answer.delta)
        while self._bytes > self._most_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _OVERHEAD + len(gone.delta)
