"""A TV's turn as calls over real connections: register or renew, exchange, read news, fetch."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_cli.fleet.device import Device, Push
from omega_cli.fleet.library import TRANSFORM, Library
from omega_client.errors import service_error
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_rpc.dpop import Prover

if TYPE_CHECKING:
    from omega.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub as Stub

_SERVICE = "/omega.sync.v1.SyncService/"
_CALL_SECONDS, _BODY_SECONDS = 15.0, 300.0
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    # A gateway that was killed is dialled again at once when it is back.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]
SAMPLE = 64
"""One TV in so many decodes everything that it is sent by itself."""
NOWHERE = "127.0.0.1:9"
"""An address of this machine at which nothing listens (port 9, discard)."""


class LostAnswerError(Exception):
    """An answer that the fleet gave and the TV did not get."""


@dataclass
class Tally:
    """What was counted since it was last taken."""

    exchanges: int = 0
    """Exchanges that were answered."""
    failures: Counter[str] = field(default_factory=Counter)
    """Turns that failed, by reason, or status where there is none."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls that were answered, by method."""
    seconds: list[float] = field(default_factory=list)
    """What each answered exchange took."""
    up: int = 0
    """Bytes of requests, as serialised messages."""
    down: int = 0
    """Bytes of answers but bodies."""
    bodies: int = 0
    """Bytes of resources."""


@dataclass
class Ledger:
    """Pushes of the whole run."""

    sent: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Device number and sketches of each push that was sent, by the bytes of its request id."""
    acknowledged: set[bytes] = field(default_factory=set)
    """Those that the fleet acknowledged."""
    duplicates: int = 0
    """Those that the fleet said it had already."""
    backwards: int = 0
    """Answers that led to an older state."""


class Turns:
    """Carries turns out; an asynchronous context manager.

    Args:
        targets: gateways; a TV keeps to one, by its number.
        channels: connections to each.
        library: reads what comes.
    """

    def __init__(self, targets: Sequence[str], channels: int, library: Library) -> None:
        self._stack = AsyncExitStack()
        self._targets = targets
        self._channels = channels
        self._library = library
        self.tally = Tally()
        """Since it was last taken."""
        self.ledger = Ledger()
        """Of the run."""
        self.cut_off = 0.0
        """Share of TVs whose connections are refused, 0 to 1."""
        self.lost = 0.0
        """Share of exchanges whose answers are lost, 0 to 1."""

    async def __aenter__(self) -> Self:
        def stub(target: str) -> Stub:
            channel = grpc.aio.insecure_channel(target, _OPTIONS)
            self._stack.push_async_callback(channel.close)
            return sync_service_pb2_grpc.SyncServiceStub(channel)

        self._stubs = [stub(each) for _ in range(self._channels) for each in self._targets]
        self._nowhere = stub(NOWHERE)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def taken(self) -> Tally:
        """What was counted; counting begins anew."""
        taken, self.tally = self.tally, Tally()
        return taken

    async def turn(self, device: Device, now: float, *, fetches: bool = True) -> None:
        """One turn of a TV; what fails is counted, and the TV told.

        Args:
            device: whose turn it is.
            now: the present instant, seconds since 1970.
            fetches: whether it fetches resources.
        """
        try:
            await self._turn(device, now, fetches=fetches)
        except LostAnswerError:
            self.tally.failures["answer lost"] += 1
            device.failed("", "", 0.0, now)
        except grpc.RpcError as raised:
            error = service_error(raised)
            self.tally.failures[error.reason or error.status] += 1
            device.failed(error.reason, error.field, error.retry_after, now)
        except OmegaError as error:
            self.tally.failures[error.code.value] += 1
            device.failed(error.code.value, error.field, 0.0, now)

    async def _turn(self, device: Device, now: float, *, fetches: bool) -> None:
        stub = self._stub(device)
        if device.must_register(now):
            await self._register(device, stub, now)
        request = device.request(now)
        request.codebook_id = self._library.codebook_id(device.held[0])
        push = device.push
        if push is not None:
            self.ledger.sent[push.request_id.bytes] = (device.number, len(push.classes))
        begun = time.perf_counter()
        answer = await self._sync(device, stub, request, now)
        if self.lost and random.random() < self.lost:  # noqa: S311 - no secret
            raise LostAnswerError
        self.tally.seconds.append(time.perf_counter() - begun)
        self.tally.exchanges += 1
        # Acknowledged before anything else is looked at: the fleet has it.
        acknowledged = device.exchanged(answer, now)
        self._acknowledge(acknowledged, answer)
        await self._take_news(device, stub, request, answer, now)
        if fetches:
            for info in device.wanted(list(answer.resources), now):
                await self._fetch(device, stub, info, now)

    async def _register(self, device: Device, stub: Stub, now: float) -> None:
        request = device.registration()
        shown = self._metadata(device, "RegisterDevice", now, token="")
        answer = await stub.RegisterDevice(request, timeout=_CALL_SECONDS, metadata=shown)
        self._count("RegisterDevice", request.ByteSize(), answer.ByteSize())
        device.registered(answer, now)

    async def _sync(
        self,
        device: Device,
        stub: Stub,
        request: pb.SyncRequest,
        now: float,
    ) -> pb.SyncResponse:
        shown = self._metadata(device, "Sync", now)
        answer = await stub.Sync(request, timeout=_CALL_SECONDS, metadata=shown)
        self._count("Sync", request.ByteSize(), answer.ByteSize())
        return answer

    def _acknowledge(self, push: Push | None, answer: pb.SyncResponse) -> None:
        if push is None:
            return
        if answer.accepted_sketches != len(push.classes):
            self.tally.failures["another number of sketches"] += 1
        self.ledger.acknowledged.add(push.request_id.bytes)
        self.ledger.duplicates += answer.duplicate

    async def _take_news(
        self,
        device: Device,
        stub: Stub,
        request: pb.SyncRequest,
        answer: pb.SyncResponse,
        now: float,
    ) -> None:
        if not answer.delta:
            return
        rest: list[bytes] = []
        for page in range(1, answer.pages):
            wanted = pb.PullPatternsRequest(
                state_version=request.state_version,
                codec=request.codec,
                codebook_id=request.codebook_id,
                page=page,
                wanted_version=answer.state_version,
            )
            shown = self._metadata(device, "PullPatterns", now)
            more = await stub.PullPatterns(wanted, timeout=_CALL_SECONDS, metadata=shown)
            self._count("PullPatterns", wanted.ByteSize(), more.ByteSize())
            if more.state_version != answer.state_version:
                return  # The fleet has moved on: the next exchange brings all of it.
            rest.append(more.delta)
        version = self._library.take_news(
            device.held[0],
            request.state_version,
            answer,
            rest,
            alone=not device.number % SAMPLE,
        )
        self.ledger.backwards += version < device.state_version
        device.state_version, device.coded = version, answer.codec == TRANSFORM

    async def _fetch(
        self,
        device: Device,
        stub: Stub,
        info: resource_pb2.ResourceInfo,
        now: float,
    ) -> None:
        request = pb.GetResourceRequest(kind=info.kind, version=info.version)
        shown = self._metadata(device, "GetResource", now)
        body = bytearray()
        async for answer in stub.GetResource(request, timeout=_BODY_SECONDS, metadata=shown):
            body += answer.chunk.data
        self._count("GetResource", request.ByteSize(), 0)
        self.tally.bodies += len(body)
        self._library.take_body(info, bytes(body))
        device.fetched(info, now)

    def _count(self, method: str, up: int, down: int) -> None:
        self.tally.calls[method] += 1
        self.tally.up += up
        self.tally.down += down

    def _stub(self, device: Device) -> Stub:
        if device.number % 1_000 < self.cut_off * 1_000:
            return self._nowhere
        return self._stubs[device.number % len(self._stubs)]

    def _metadata(
        self, device: Device, method: str, now: float, token: str | None = None
    ) -> tuple[tuple[str, str], ...]:
        own = datetime.fromtimestamp(now, UTC) + timedelta(seconds=device.skew)
        shown = device.token if token is None else token
        return Prover(device.key, shown, ManualClock(own)).metadata(_SERVICE + method)
