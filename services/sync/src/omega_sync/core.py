"""The gateway's methods, whatever transport brought the call."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import announce
from omega_rpc import call as calls
from omega_rpc.call import Caller, Principal
from omega_sync import checks, metering, staging
from omega_sync.bodies import Bodies, Body
from omega_sync.fleet import Fleet, Pushed
from omega_sync.identities import Identities
from omega_sync.registration import Registration
from omega_sync.shards import Shard
from omega_sync.steps import Step, Steps

_SHORTEST, _LONGEST = 1.0, 86_400.0
_JITTER = 0.5
_Outcome = upstream_pb.PushOutcome


@dataclass(frozen=True, slots=True)
class Holdings:
    """Who a TV is, where it is, and what it said that it holds."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    shard: Shard
    """That has the device."""
    region: str
    """Of the device; empty = not stated."""
    state_version: int
    """Version of the collective state; 0 = none."""
    codec: resource_pb2.Codec.ValueType
    """Best codec that it reads."""
    codebook_id: int
    """0 = none."""
    resources: tuple[tuple[int, int], ...]
    """Kind and version."""

    def at(self, version: int) -> Holdings:
        """The same with another state."""
        return replace(self, state_version=version)


class SyncCore:
    """Checks, hands on, answers; every method raises OmegaError. Keeps nothing of a device.

    Args:
        fleet: the shards that own the data.
        steps: encoded news.
        bodies: whole resources.
        registration: answers RegisterDevice.
        identities: erases devices.
        count_sync: counts a device's push or exchange by its method, or refuses it.
        call_seconds: longest wait for one answer of the constellation.
        body_seconds: longest wait for one body of the constellation.
        max_bodies: resource bodies under way at once before OVERLOADED.
    """

    def __init__(
        self,
        fleet: Fleet,
        steps: Steps,
        bodies: Bodies,
        registration: Registration,
        identities: Identities,
        count_sync: Callable[[Principal, str], None],
        *,
        call_seconds: float,
        body_seconds: float,
        max_bodies: int,
    ) -> None:
        self._fleet = fleet
        self._steps = steps
        self._bodies = bodies
        self._registration = registration
        self._identities = identities
        self._count_sync = count_sync
        self._call_seconds = call_seconds
        self._body_seconds = body_seconds
        self._bodies_left = max_bodies

    async def register(
        self, request: pb.RegisterDeviceRequest, caller: Caller
    ) -> pb.RegisterDeviceResponse:
        """Gives an identity; a repeated request_id renews its credentials, and may move it."""
        return await self._registration(request, caller)

    async def sync(self, request: pb.SyncRequest, principal: Principal) -> pb.SyncResponse:
        """Push, durable before the pull begins, then pull."""
        answer = pb.SyncResponse()
        await self.exchange(request, principal, answer)
        return answer

    async def exchange(
        self, request: pb.SyncRequest, principal: Principal, answer: pb.SyncResponse
    ) -> Holdings:
        """Fills the answer of sync() in; what is known of the TV from then on."""
        with metering.exchange():
            return await self._exchange(request, principal, answer)

    async def _exchange(
        self, request: pb.SyncRequest, principal: Principal, answer: pb.SyncResponse
    ) -> Holdings:
        checks.exchange(request)
        self._count_sync(principal, "Sync")
        stored, shard = await self._push(request, principal)
        heads = await shard.heads.current()
        holdings = Holdings(
            principal.device_id,
            shard,
            stored.region,
            request.state_version,
            request.codec,
            request.codebook_id,
            _versions(request.held),
        )
        news = await self._news(heads, holdings)
        _fill(answer, heads, holdings, news)
        answer.accepted_sketches = stored.sketches
        answer.duplicate = stored.outcome == _Outcome.PUSH_OUTCOME_DUPLICATE
        return holdings

    async def unasked(self, holdings: Holdings) -> pb.SyncResponse:
        """News for a TV on an open stream that did not ask."""
        heads = await holdings.shard.heads.current()
        answer = pb.SyncResponse()
        _fill(answer, heads, holdings, await self._news(heads, holdings))
        return answer

    async def push(
        self, request: pb.PushPatternsRequest, principal: Principal
    ) -> pb.PushPatternsResponse:
        """Answered when the push is durable."""
        checks.push(request)
        self._count_sync(principal, "PushPatterns")
        stored, shard = await self._push(request, principal)
        heads = await shard.heads.current()
        answer = pb.PushPatternsResponse(
            accepted_sketches=stored.sketches,
            duplicate=stored.outcome == _Outcome.PUSH_OUTCOME_DUPLICATE,
        )
        jitter(answer.retry_after, heads.retry_after)
        return answer

    async def pull(
        self, request: pb.PullPatternsRequest, principal: Principal
    ) -> pb.PullPatternsResponse:
        """News, or a further page of them."""
        checks.pull(request)
        touched, shard = await self._push(_TOUCH, principal)
        heads = await shard.heads.current()
        holdings = Holdings(
            principal.device_id,
            shard,
            touched.region,
            request.state_version,
            request.codec,
            request.codebook_id,
            _versions(request.held),
        )
        page = request.page if request.wanted_version == heads.state_version else 0
        news = await self._news(heads, holdings, page)
        answer = pb.PullPatternsResponse(
            state_version=news.state_version,
            compression=news.compression,
            delta=news.delta,
            codec=news.codec,
            pages=news.pages,
            page=news.page,
        )
        jitter(answer.retry_after, heads.retry_after)
        if not news.page:
            announce(answer, staging.newer(heads, principal.device_id, holdings.resources))
        return answer

    async def resource(
        self, request: pb.GetResourceRequest, principal: Principal
    ) -> AsyncIterator[pb.GetResourceResponse]:
        """Hands a body out a chunk at a time, no faster than the TV takes it."""
        checks.body(request)
        shard = await self._welcome(principal)
        if not self._bodies_left:
            raise OmegaError(ErrorCode.OVERLOADED)
        self._bodies_left -= 1
        try:
            wanted = upstream_pb.GetResourceRequest(
                kind=request.kind,
                version=request.version,
                offset=request.offset,
                base_version=request.base_version,
                base_sha256=request.base_sha256,
            )
            body = await self._body(wanted, shard)
            stated: resource_pb2.ResourceInfo | None = body.info
            for offset, data in body.chunks(request.offset):
                chunk = resource_pb2.ResourceChunk(info=stated, offset=offset, data=data)
                stated = None
                yield pb.GetResourceResponse(chunk=chunk)
        finally:
            self._bodies_left += 1

    async def erase(self, principal: Principal) -> pb.EraseDeviceResponse:
        """Erases the device that the credentials name."""
        pushes = await self._identities.erase(principal.device_id)
        return pb.EraseDeviceResponse(pushes=pushes)

    async def _welcome(self, principal: Principal) -> Shard:
        """Waits until it is known who was shut out, as at the start; for calls that store nothing.

        Pushes are refused by the constellation itself.

        Returns:
            The shard that the device is likely at.
        """
        await self._fleet.ready()
        shard = self._fleet.of(principal.device_id)
        await shard.heads.current()
        self._fleet.check(principal)
        return shard

    async def _body(self, wanted: upstream_pb.GetResourceRequest, shard: Shard) -> Body:
        """A body from the device's shard; from the home shard where that one lacks the version."""
        seconds = calls.remaining(self._body_seconds)
        home = self._fleet.home
        try:
            return await self._bodies.get(wanted, seconds, shard.source)
        except OmegaError as error:
            # A TV that came from another shard may have been told of it there a moment earlier.
            if shard is home or error.code is not ErrorCode.UNKNOWN_RESOURCE:
                raise
        return await self._bodies.get(wanted, calls.remaining(self._body_seconds), home.source)

    async def _push(
        self, request: pb.SyncRequest | pb.PushPatternsRequest, principal: Principal
    ) -> Pushed:
        """Stores a push; one without sketches says that the device called, and how it fares."""
        push = upstream_pb.DevicePush(
            device_id=principal.device_id,
            request_id=request.request_id,
            model_version=request.model_version,
            sketches=request.sketches,
            classes=request.classes,
            sigma_hundredths=request.sigma_hundredths,
        )
        if isinstance(request, pb.SyncRequest) and request.HasField("report"):
            push.report.CopyFrom(request.report)
        pushed = await self._fleet.push(push, calls.remaining(self._call_seconds))
        outcome = pushed.result.outcome
        if outcome == _Outcome.PUSH_OUTCOME_UNKNOWN_DEVICE:
            raise OmegaError(
                ErrorCode.UNAUTHENTICATED, detail=f"{principal.device_id} is not known"
            )
        if outcome == _Outcome.PUSH_OUTCOME_REVOKED_DEVICE:
            raise OmegaError(ErrorCode.REVOKED, detail=principal.device_id)
        return pushed

    async def _news(
        self, heads: upstream_pb.GetHeadsResponse, holdings: Holdings, page: int = 0
    ) -> upstream_pb.GetGlobalStateResponse:
        """The step from what a TV holds to the newest state; empty when there is none."""
        held, newest = holdings.state_version, heads.state_version
        # A TV of a shard that was lost keeps what it has until there is something newer.
        if held == newest or not newest:
            return upstream_pb.GetGlobalStateResponse(state_version=held)
        if newest < held <= self._fleet.newest_state():
            # It came from another shard, whose copy of the state is a moment ahead.
            return upstream_pb.GetGlobalStateResponse(state_version=held)
        step = Step(
            # A version that the shard does not know yet, as after a restored backup, is of no use.
            base=held if held < newest else 0,
            version=newest,
            region=holdings.region if holdings.region in heads.trend_regions else "",
            codec=holdings.codec,
            codebook_id=holdings.codebook_id,
            page=page,
        )
        seconds = calls.remaining(self._call_seconds)
        return await self._steps.get(step, seconds, holdings.shard.constellation.news)


_TOUCH = pb.SyncRequest(request_id="00000000-0000-4000-8000-000000000000", model_version="none")


def _fill(
    answer: pb.SyncResponse,
    heads: upstream_pb.GetHeadsResponse,
    holdings: Holdings,
    news: upstream_pb.GetGlobalStateResponse,
) -> None:
    """What a pull brings, but for the outcome of a push."""
    answer.state_version = news.state_version
    answer.compression = news.compression
    answer.delta = news.delta
    answer.codec = news.codec
    answer.pages = news.pages
    jitter(answer.retry_after, heads.retry_after)
    answer.report_wanted = staging.asked(heads, holdings.device_id)
    told = staging.newer(heads, holdings.device_id, holdings.resources)
    answer.recalled.extend(staging.recalled(heads, holdings.resources, told))
    announce(answer, told)


def _versions(held: Sequence[resource_pb2.HeldResource]) -> tuple[tuple[int, int], ...]:
    return tuple((resource.kind, resource.version) for resource in held)


def jitter(into: Duration, wait: Duration) -> None:
    """The wait, up to half shorter or longer, so that TVs do not come back together."""
    seconds = wait.seconds + wait.nanos / 1e9
    spread = seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    milliseconds = round(1_000 * min(max(spread, _SHORTEST), _LONGEST))
    into.seconds, into.nanos = milliseconds // 1_000, milliseconds % 1_000 * 1_000_000
