"""The TVs of `omega bench sync`, in a process of their own: `python -m omega_cli.bench.sync_load`.

Reads an order, says {"ready": ...} once its connections are open, and begins at the next line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core import limits
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover

MODEL = "bench-384-r1"
"""Encoder of the sketches."""
_SERVICE = "/omega.sync.v1.SyncService/"
_SECONDS = 600.0
_OPENING = 32
"""Connections that are opened at once."""


@dataclass(frozen=True)
class Order:
    """What a process of TVs does."""

    kind: str
    """stream, unary, two calls, empty, new connection or open."""
    address: str
    """Of the gateway."""
    ca: str
    """PEM; empty = no TLS."""
    tokens: list[str]
    """One a device; all are bound to `key`."""
    key: str
    """PEM of the devices' key."""
    chain: str
    """PEM of a device's certificate, shown in place of proofs; empty = none."""
    calls: int
    """Exchanges in all; of `open`, streams."""
    together: int
    """TVs at once."""
    sketches: int = 4
    """Of each push."""
    period: float = 60.0
    """Of `open`: seconds from one exchange of a stream to the next."""

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


Exchange = Callable[[], Awaitable[None]]


class Tvs:
    """Carries an order out.

    Args:
        order: what is to be done.
        stack: closes connections.
    """

    def __init__(self, order: Order, stack: AsyncExitStack) -> None:
        self._order = order
        self._stack = stack
        self._key = DeviceKey.from_pem("key", order.key.encode())
        self._tokens = itertools.cycle(random.sample(order.tokens, len(order.tokens)))

    async def work(self) -> None:
        """All exchanges, by so many TVs at once over one connection."""
        channel = await self._stack.enter_async_context(self._channel())
        kinds = {
            "stream": self._stream,
            "unary": self._unary,
            "two calls": self._two_calls,
            "empty": self._empty,
            "new connection": self._new_connection,
        }
        tvs = [await kinds[self._order.kind](channel) for _ in range(self._order.together)]
        await asyncio.gather(*(exchange() for exchange in tvs))
        await _said({"ready": len(tvs)})
        left = iter(range(self._order.calls))
        begun = time.perf_counter()

        async def go(exchange: Exchange) -> None:
            for _ in left:
                await exchange()

        await asyncio.gather(*(go(exchange) for exchange in tvs))
        await _said({"seconds": time.perf_counter() - begun})

    async def hold(self) -> None:
        """So many streams, each on a connection of its own, with an exchange each period."""
        opening = asyncio.Semaphore(_OPENING)
        streams: list[Exchange] = []

        async def begin() -> None:
            async with opening:
                channel = await self._stack.enter_async_context(self._channel())
                exchange = await self._stream(channel)
                await exchange()
            streams.append(exchange)

        # In quarters, so that memory can be looked at between them.
        for _ in range(4):
            await asyncio.gather(*(begin() for _ in range(self._order.calls // 4)))
            await _said({"ready": len(streams)})

        async def on_schedule(exchange: Exchange) -> None:
            await asyncio.sleep(random.uniform(0, self._order.period))  # noqa: S311 - no secret
            await exchange()

        begun = time.perf_counter()
        await asyncio.gather(*(on_schedule(exchange) for exchange in streams))
        await _said({"seconds": time.perf_counter() - begun})

    def _channel(self) -> grpc.aio.Channel:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        if not self._order.ca:
            return grpc.aio.insecure_channel(self._order.address, options)
        chain = self._order.chain.encode() or None
        key = self._order.key.encode() if chain else None
        trust = grpc.ssl_channel_credentials(self._order.ca.encode(), key, chain)
        return grpc.aio.secure_channel(self._order.address, trust, options)

    def _prover(self) -> Prover:
        return Prover(self._key, next(self._tokens))

    def _request(self) -> pb.SyncRequest:
        sketches = self._order.sketches
        return pb.SyncRequest(
            request_id=str(uuid.uuid4()),
            model_version=MODEL,
            sketches=os.urandom(limits.SKETCH_BYTES * sketches),
            classes=bytes(sketches),
            state_version=1,
            codec=resource_pb2.CODEC_U8_ZSTD,
        )

    async def _stream(self, channel: grpc.aio.Channel) -> Exchange:
        metadata = self._prover().metadata(_SERVICE + "StreamSync")
        stub = sync_service_pb2_grpc.SyncServiceStub(channel)
        call = stub.StreamSync(timeout=_SECONDS, metadata=metadata)

        async def exchange() -> None:
            request = self._request()
            await call.write(pb.StreamSyncRequest(exchange=request))
            heard = await call.read()
            if not isinstance(heard, pb.StreamSyncResponse):
                raise TypeError("the gateway ended the stream")
            self._check(heard.answer)

        return exchange

    async def _unary(self, channel: grpc.aio.Channel) -> Exchange:
        stub, prover = sync_service_pb2_grpc.SyncServiceStub(channel), self._prover()

        async def exchange() -> None:
            metadata = () if self._order.chain else prover.metadata(_SERVICE + "Sync")
            self._check(await stub.Sync(self._request(), timeout=_SECONDS, metadata=metadata))

        return exchange

    async def _two_calls(self, channel: grpc.aio.Channel) -> Exchange:
        stub, prover = sync_service_pb2_grpc.SyncServiceStub(channel), self._prover()

        async def exchange() -> None:
            whole = self._request()
            push = pb.PushPatternsRequest(
                request_id=whole.request_id,
                model_version=whole.model_version,
                sketches=whole.sketches,
                classes=whole.classes,
            )
            shown = prover.metadata(_SERVICE + "PushPatterns")
            await stub.PushPatterns(push, timeout=_SECONDS, metadata=shown)
            pull = pb.PullPatternsRequest(state_version=1, codec=whole.codec)
            shown = prover.metadata(_SERVICE + "PullPatterns")
            await stub.PullPatterns(pull, timeout=_SECONDS, metadata=shown)

        return exchange

    async def _empty(self, channel: grpc.aio.Channel) -> Exchange:
        health = health_pb2_grpc.HealthStub(channel)

        async def exchange() -> None:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)

        return exchange

    async def _new_connection(self, channel: grpc.aio.Channel) -> Exchange:
        del channel

        async def exchange() -> None:
            async with self._channel() as own:
                await (await self._unary(own))()

        return exchange

    def _check(self, answer: pb.SyncResponse) -> None:
        if answer.accepted_sketches != self._order.sketches or not answer.delta:
            raise RuntimeError(f"not the answer of a durable exchange: {answer}")


async def _said(report: dict[str, float]) -> None:
    """Says something and waits for the next line."""
    print(json.dumps(report), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def _main() -> None:
    order = Order(**json.loads(sys.stdin.readline()))
    async with AsyncExitStack() as stack:
        tvs = Tvs(order, stack)
        await (tvs.hold() if order.kind == "open" else tvs.work())


if __name__ == "__main__":
    asyncio.run(_main())
