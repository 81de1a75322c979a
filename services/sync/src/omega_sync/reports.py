"""Reports of pairs at the fleet's door: tokens for devices, and what relays hand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.threshold.v1 import keys_pb2, relay_service_pb2_grpc
from omega.threshold.v1 import relay_service_pb2 as relay_pb
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.call import Principal
from omega_sync import checks
from omega_sync.fleet import Fleet

_Issued = upstream_pb.IssueTokensResponse
Context = grpc.aio.ServicerContext[Any, Any]
_ELSEWHERE = frozenset({ErrorCode.UNKNOWN_DEVICE, ErrorCode.DEVICE_MOVING})


class Reports:
    """Hands on; keeps and notes nothing.

    Reports and keys are one for the fleet, and so at its home shard; tokens are counted where the
    device is.

    Args:
        fleet: the shards that own the data.
        count_call: counts a call of a device by its method, or refuses it.
    """

    def __init__(self, fleet: Fleet, count_call: Callable[[Principal, str], None]) -> None:
        self._fleet = fleet
        self._count_call = count_call

    async def keys(self, principal: Principal) -> pb.GetReportingKeysResponse:
        """What TVs are told, for one that is welcome."""
        await self._fleet.ready()
        await self._fleet.of(principal.device_id).heads.current()
        self._fleet.check(principal)
        return pb.GetReportingKeysResponse(keys=await self.told(calls.request_id()))

    async def told(self, request_id: str = "") -> keys_pb2.ReportingKeys:
        """What everybody is told; for the call of this id, or a relay's."""
        await self._fleet.ready()
        return await self._fleet.home.constellation.reporting_keys(request_id)

    async def handle(self, request: relay_pb.HandleRequest) -> relay_pb.HandleResponse:
        """What a relay handed on, to the home shard and back."""
        checks.encapsulated(request.encapsulated)
        await self._fleet.ready()
        # A message of its own: fields that this contract does not know stay here.
        handed = relay_pb.HandleRequest(encapsulated=request.encapsulated)
        return await self._fleet.home.constellation.handle(handed)

    async def issue(
        self, request: pb.IssueTokensRequest, principal: Principal
    ) -> pb.IssueTokensResponse:
        """Tokens for a device, of the first shard that has it.

        Raises:
            OmegaError: RATE_LIMITED device, as of an exchange: what is asked costs as much;
                UNAUTHENTICATED where no shard knows it; DEVICE_MOVING; what the shard raises.
        """
        checks.tokens(request)
        self._count_call(principal, "IssueTokens")
        asked = upstream_pb.IssueTokensRequest(
            device_id=principal.device_id,
            request_id=request.request_id,
            epoch=request.epoch,
            blinded=request.blinded,
        )
        await self._fleet.ready()
        try:
            answer = await self._issued(asked)
        except OmegaError as error:
            if error.code not in _ELSEWHERE:
                raise
            # By another directory, or one that went on while it was looked for.
            if not await self._fleet.refresh() and error.code is ErrorCode.UNKNOWN_DEVICE:
                raise _unknown(error) from error
            answer = await self._again(asked)
        return pb.IssueTokensResponse(
            evaluated=answer.evaluated, proof=answer.proof, left=answer.left
        )

    async def _again(self, asked: upstream_pb.IssueTokensRequest) -> _Issued:
        try:
            return await self._issued(asked)
        except OmegaError as error:
            if error.code is ErrorCode.UNKNOWN_DEVICE:
                raise _unknown(error) from error
            raise

    async def _issued(self, asked: upstream_pb.IssueTokensRequest) -> _Issued:
        """The answer of the first shard that has the device."""
        elsewhere = OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no shard for the device")
        for shard in self._fleet.places(asked.device_id):
            try:
                return await shard.constellation.issue(asked)
            except OmegaError as error:
                if error.code not in _ELSEWHERE:
                    raise
                if elsewhere.code is not ErrorCode.DEVICE_MOVING:
                    elsewhere = error
        raise elsewhere


class GatewayServicer(relay_service_pb2_grpc.GatewayServiceServicer):
    """omega.threshold.v1.GatewayService, for relays.

    Args:
        reports: hands on.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def Handle(  # noqa: N802 - name of the contract
        self, request: relay_pb.HandleRequest, context: Context
    ) -> relay_pb.HandleResponse:
        """Takes one request."""
        del context
        return await self._reports.handle(request)

    async def GetReportingKeys(  # noqa: N802 - name of the contract
        self, request: relay_pb.GatewayServiceGetReportingKeysRequest, context: Context
    ) -> relay_pb.GatewayServiceGetReportingKeysResponse:
        """What everybody is told."""
        del request, context
        return relay_pb.GatewayServiceGetReportingKeysResponse(keys=await self._reports.told())


def _unknown(error: OmegaError) -> OmegaError:
    return OmegaError(ErrorCode.UNAUTHENTICATED, detail=str(error))
