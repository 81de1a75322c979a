"""What a gateway waits for may end under it: its own caller hears of it, and is not hung up on."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_sync.heads import Heads
from omega_sync.upstream import Constellation


async def never(request: pb.GetHeadsRequest) -> pb.GetHeadsResponse:
    """An answer that does not come."""
    await asyncio.Event().wait()
    raise AssertionError(request)


class Silent(grpc.GenericRpcHandler):
    """Takes calls and does not answer."""

    def service(self, _call: object) -> grpc.RpcMethodHandler[bytes, bytes]:
        """One answer for every method."""

        async def wait(request: bytes, _context: object) -> bytes:
            await asyncio.Event().wait()
            return request

        return grpc.unary_unary_rpc_method_handler(wait)


def test_whoever_waits_for_a_question_that_is_given_up_is_told_to_come_again() -> None:
    async def story() -> None:
        heads = Heads(never, poll_seconds=60)
        waiting = asyncio.create_task(heads.current())
        await asyncio.sleep(0.05)
        await heads.stop(0)
        with pytest.raises(OmegaError) as caught:
            await waiting
        assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE

    asyncio.run(story())


def test_whoever_gives_up_waiting_is_cancelled_as_ever() -> None:
    async def story() -> None:
        heads = Heads(never, poll_seconds=60)
        waiting = asyncio.create_task(heads.current())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await heads.stop(0)

    asyncio.run(story())


def test_a_call_whose_channel_is_closed_is_told_to_come_again() -> None:
    async def story() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Silent(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        upstream = Constellation(f"127.0.0.1:{port}", None, call_seconds=20, body_seconds=20)
        await upstream.start()
        waiting = asyncio.create_task(upstream.heads(pb.GetHeadsRequest()))
        await asyncio.sleep(0.3)
        await upstream.stop(0)
        with pytest.raises(OmegaError) as caught:
            await waiting
        assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        await server.stop(0)

    asyncio.run(story())
