"""omega.sync.v1.SyncService: checks, hands on, answers what the constellation answered."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC

import grpc
from google.protobuf.duration_pb2 import Duration

from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.tokens import TokenKeys
from omega_sync import checks
from omega_sync.access import Enrolment
from omega_sync.upstream import Constellation

_SHORTEST, _LONGEST = 1.0, 86_400.0
_JITTER = 0.5


class SyncServicer(sync_service_pb2_grpc.SyncServiceServicer):
    """Keeps nothing between calls.

    Args:
        constellation: owner of the data.
        keys: sign the tokens that the server's authenticator verifies.
        enrolment: who may register.
        max_bodies: resource bodies under way at once before OVERLOADED.
    """

    def __init__(
        self,
        constellation: Constellation,
        keys: TokenKeys,
        enrolment: Enrolment,
        max_bodies: int,
    ) -> None:
        self._constellation = constellation
        self._keys = keys
        self._enrolment = enrolment
        self._bodies = threading.BoundedSemaphore(max_bodies)

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """Gives an identity; a repeated request_id gives the same token, and may move it."""
        del context
        checks.registration(request)
        self._enrolment.check(request.enrolment_key)
        made = self._constellation.register(
            upstream_pb.RegisterDeviceRequest(
                request_id=request.request_id,
                platform=request.platform,
                app_version=request.app_version,
                region=request.region,
            )
        )
        return pb.RegisterDeviceResponse(
            device_id=made.device_id,
            # The stored instant, not the present one, so that a retry's token is equal.
            auth_token=self._keys.sign(made.device_id, made.registered_at.ToDatetime(UTC)),
            registered_at=made.registered_at,
        )

    def Sync(  # noqa: N802 - name of the contract
        self, request: pb.SyncRequest, context: grpc.ServicerContext
    ) -> pb.SyncResponse:
        """Push, durable before the pull begins, then pull."""
        del context
        checks.exchange(request)
        device_id = calls.principal().device_id
        stored = self._push(device_id, request) if request.sketches else upstream_pb.PushResult()
        news = self._constellation.news(
            upstream_pb.GetGlobalStateRequest(
                device_id=device_id, state_version=request.state_version, held=request.held
            )
        )
        return pb.SyncResponse(
            accepted_sketches=stored.sketches,
            duplicate=stored.outcome == upstream_pb.PushOutcome.PUSH_OUTCOME_DUPLICATE,
            state_version=news.state_version,
            compression=news.compression,
            delta=news.delta,
            resources=news.resources,
            retry_after=_with_jitter(news.retry_after),
        )

    def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """Hands the body through a chunk at a time, no faster than the TV takes it."""
        checks.body(request)
        if not self._bodies.acquire(blocking=False):
            raise OmegaError(ErrorCode.OVERLOADED)
        try:
            wanted = upstream_pb.GetResourceRequest(
                kind=request.kind,
                version=request.version,
                offset=request.offset,
                base_version=request.base_version,
                base_sha256=request.base_sha256,
            )
            for answer in self._constellation.body(wanted, context):
                yield pb.GetResourceResponse(chunk=answer.chunk)
        finally:
            self._bodies.release()

    def EraseDevice(  # noqa: N802 - name of the contract
        self, request: pb.EraseDeviceRequest, context: grpc.ServicerContext
    ) -> pb.EraseDeviceResponse:
        """Erases the device that the token names."""
        del request, context
        erased = self._constellation.erase(
            upstream_pb.EraseDeviceRequest(device_id=calls.principal().device_id)
        )
        return pb.EraseDeviceResponse(pushes=erased.pushes)

    def _push(self, device_id: str, request: pb.SyncRequest) -> upstream_pb.PushResult:
        result = self._constellation.ingest(
            upstream_pb.DevicePush(
                device_id=device_id,
                request_id=request.request_id,
                model_version=request.model_version,
                sketches=request.sketches,
                classes=request.classes,
                sigma_hundredths=request.sigma_hundredths,
            )
        )
        if result.outcome == upstream_pb.PushOutcome.PUSH_OUTCOME_UNKNOWN_DEVICE:
            raise OmegaError(ErrorCode.UNAUTHENTICATED, detail=f"{device_id} is not known")
        return result


def _with_jitter(wait: Duration) -> Duration:
    """The wait, up to half shorter or longer, so that TVs do not come back together."""
    seconds = wait.ToTimedelta().total_seconds()
    spread = seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    jittered = Duration()
    jittered.FromMilliseconds(round(1_000 * min(max(spread, _SHORTEST), _LONGEST)))
    return jittered
