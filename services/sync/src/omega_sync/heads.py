"""The newest versions of everything, asked for once a second, and what was revoked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.aio.tasks import cancelled_itself
from omega_rpc.call import Principal

_log = logging.getLogger(__name__)
Ask = Callable[[pb.GetHeadsRequest], Awaitable[pb.GetHeadsResponse]]


class ShutOut:
    """Devices that were revoked, at whatever shard, and their certificates."""

    def __init__(self) -> None:
        self._devices: set[str] = set()
        self._serials: set[bytes] = set()

    def add(self, revocation: pb.Revocation) -> None:
        """One more."""
        self._devices.add(revocation.device_id)
        self._serials.update(revocation.serials)

    def check(self, principal: Principal) -> None:
        """Refuses a device that was shut out.

        Raises:
            OmegaError: REVOKED.
        """
        if principal.device_id in self._devices or (
            principal.serial and principal.serial in self._serials
        ):
            raise OmegaError(ErrorCode.REVOKED, detail=principal.device_id)


class Heads:
    """Keeps the last answer of GetHeads, also while the constellation is away.

    Args:
        ask: the constellation's GetHeads.
        poll_seconds: time between two questions.
        shut_out: takes who was revoked; shared by the shards of a fleet.
    """

    def __init__(self, ask: Ask, poll_seconds: float, shut_out: ShutOut | None = None) -> None:
        self._ask = ask
        self._poll_seconds = poll_seconds
        self._cursor = 0
        self._shut_out = shut_out or ShutOut()
        self._asking: asyncio.Task[pb.GetHeadsResponse] | None = None
        self._poller: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._hearers: list[Callable[[pb.GetHeadsResponse], None]] = []
        self.newest: pb.GetHeadsResponse | None = None
        """The last answer; None = there was none yet."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls `listener` on the loop when there is a newer state or a new revocation."""
        self._listeners.append(listener)

    def on_answer(self, hearer: Callable[[pb.GetHeadsResponse], None]) -> None:
        """Calls `hearer` on the loop with each answer."""
        self._hearers.append(hearer)

    async def current(self) -> pb.GetHeadsResponse:
        """The newest versions that are known; asked for when none are.

        Raises:
            OmegaError: what the constellation raises.
        """
        return self.newest or await self._refresh()

    async def start(self) -> Mapping[str, str]:
        """Begins to ask."""
        self._poller = asyncio.create_task(self._poll())
        return {}

    async def drain(self) -> None:
        """Goes on."""

    async def stop(self, grace: float) -> None:
        """Asks no more."""
        del grace
        for task in (self._poller, self._asking):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, OmegaError):
                    await task

    async def _poll(self) -> None:
        away = False
        while True:
            try:
                await self._refresh()
            except OmegaError as error:
                if not away:
                    _log.warning("the newest versions are not known: %s", error)
                away = True
            else:
                away = False
            await asyncio.sleep(self._poll_seconds)

    async def _refresh(self) -> pb.GetHeadsResponse:
        """Asks, once for all who want to know at the same time."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._question())
        try:
            return await asyncio.shield(self._asking)
        except asyncio.CancelledError:
            if cancelled_itself():
                raise
            # The shard was let go of meanwhile.
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="asked no more") from None

    async def _question(self) -> pb.GetHeadsResponse:
        revoked = False
        while True:
            answer = await self._ask(pb.GetHeadsRequest(revocations_after=self._cursor))
            for revocation in answer.revocations:
                self._shut_out.add(revocation)
            self._cursor = answer.revocations_cursor
            revoked = revoked or bool(answer.revocations)
            # Nothing is known before everybody is who was shut out.
            if not answer.more_revocations:
                break
        before, self.newest = self.newest, answer
        newer = before is None or before.state_version != answer.state_version
        for hearer in self._hearers:
            hearer(answer)
        if newer or revoked:
            for listener in self._listeners:
                listener()
        return answer
