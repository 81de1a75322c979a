"""Identities of devices over the shards of a fleet: made once, whoever asks again."""

from __future__ import annotations

import asyncio

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import directory_pb2
from omega_core.directory import derived_device_id
from omega_core.errors import ErrorCode, OmegaError
from omega_sync.fleet import Fleet
from omega_sync.shards import Shard

_MOVING_SECONDS = 1.0


class Identities:
    """RegisterDevice and EraseDevice, wherever the device is.

    An identity is drawn from the request that asks for it, so that it is the same, and at the same
    shard, however often and of whichever gateway it is asked for. A device of a release that drew
    identities by chance is wherever that one is placed: before a new one is made, all shards of the
    region are asked whether they know the request.

    Args:
        fleet: the shards.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def register(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceResponse:
        """Makes or repeats an identity.

        Raises:
            OmegaError: what the shards raise; DEVICE_MOVING while it is on its way, or where the
                shards and this gateway go by different directories.
        """
        await self._fleet.ready()
        request.device_id = derived_device_id(request.request_id)
        owner = self._fleet.owner(request.device_id)
        others = [shard for shard in self._fleet.region() if shard is not owner]
        if others:
            known = pb.RegisterDeviceRequest()
            known.CopyFrom(request)
            known.known_only = True
            found = await self._asked(owner, known) or await self._first(others, known)
            if found is not None:
                return found
        return await self._made(owner, request)

    async def erase(self, device_id: str) -> int:
        """Erases a device and its pushes; durable where it belongs when this returns.

        A copy at a shard that does not answer, on its way between the two, is not taken over when
        it is: the shard where it belongs remembers.

        Returns:
            Pushes that were erased.

        Raises:
            OmegaError: what the shards raise where it is likeliest and where it belongs.
        """
        await self._fleet.ready()
        request = pb.EraseDeviceRequest(device_id=device_id)
        needed = {self._fleet.owner(device_id), self._fleet.of(device_id)}
        # Where it belongs comes first: from then on nothing of it comes back from elsewhere.
        order = [self._fleet.owner(device_id)]
        order += [shard for shard in self._fleet.places(device_id) if shard not in order]
        pushes = 0
        for shard in order:
            try:
                pushes += (await shard.constellation.erase(request)).pushes
            except OmegaError:
                if shard in needed:
                    raise
        return pushes

    async def _asked(
        self, shard: Shard, request: pb.RegisterDeviceRequest
    ) -> pb.RegisterDeviceResponse | None:
        """What a shard says of an identity that it knows; None = it knows none."""
        try:
            return await shard.constellation.register(request)
        except OmegaError as error:
            if error.code is not ErrorCode.UNKNOWN_DEVICE:
                raise
            return None

    async def _first(
        self, shards: list[Shard], request: pb.RegisterDeviceRequest
    ) -> pb.RegisterDeviceResponse | None:
        """What one of them says that knows the request; one that is away is taken not to."""
        answers = await asyncio.gather(
            *(self._asked(shard, request) for shard in shards), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, pb.RegisterDeviceResponse):
                return answer
            if isinstance(answer, OmegaError):
                if answer.code is ErrorCode.DEVICE_MOVING or not _away(answer):
                    raise answer
            elif answer is not None:
                raise answer
        return None

    async def _made(
        self, owner: Shard, request: pb.RegisterDeviceRequest
    ) -> pb.RegisterDeviceResponse:
        """A new identity, for which a claim is spent first: claims are one for the fleet."""
        unspent: OmegaError | None = None
        home = self._fleet.home
        if request.claim and not self._fleet.alone and home is not owner:
            spend = directory_pb2.SpendClaimRequest(
                claim=request.claim, device_id=request.device_id
            )
            try:
                await home.constellation.spend(spend)
                request.claim_spent = True
            except OmegaError as error:
                unspent = error
        try:
            return await owner.constellation.register(request)
        except OmegaError as error:
            if error.code is ErrorCode.ENROLMENT_REFUSED and error.field == "claim" and unspent:
                raise unspent from error
            if error.code is ErrorCode.DIRECTORY_CONFLICT:
                await self._fleet.refresh()
                raise OmegaError(
                    ErrorCode.DEVICE_MOVING, detail=str(error), retry_after=_MOVING_SECONDS
                ) from error
            raise


def _away(error: OmegaError) -> bool:
    return error.spec.status in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
