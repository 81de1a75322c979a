"""The fleet's door for TVs under test: a real server that keeps what it got and fails when told."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_status import rpc_status

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import StateDelta, encode_state_delta
from omega_rpc.status import to_status


@dataclass(frozen=True)
class Fault:
    """How one call goes wrong."""

    error: OmegaError | grpc.StatusCode
    """What the TV gets instead of the answer."""
    stored: bool = False
    """Whether the call took effect before: only the answer is lost then."""


class Gateway(sync_service_pb2_grpc.SyncServiceServicer):
    """omega.sync.v1.SyncService in memory, for any number of TVs."""

    def __init__(self) -> None:
        self.registrations: list[pb.RegisterDeviceRequest] = []
        """As received."""
        self.requests: list[pb.SyncRequest] = []
        """Every exchange as received, the failed ones too."""
        self.pushes: dict[str, pb.SyncRequest] = {}
        """Stored pushes by request id."""
        self.faults: deque[Fault] = deque()
        """One for each of the next exchanges."""
        self.erasures: list[str] = []
        """The device behind every EraseDevice that showed a valid token, the failed ones too."""
        self.erased: set[str] = set()
        """Devices that were erased; what they pushed is gone."""
        self.erasure_faults: deque[Fault] = deque()
        """One for each of the next erasures; a stored one erases and loses the answer."""
        self.news = pb.SyncResponse(retry_after=Duration(seconds=600))
        """What every exchange is told, besides resources that are newer than the held ones."""
        self.offsets: list[int] = []
        """Where each transfer was asked to begin."""
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.piece = 4_096
        """Bytes a chunk."""
        self.cut_after: int | None = None
        """Break the next transfer off after so many bytes; None = never."""
        self.deltas: dict[tuple[int, int], bytes] = {}
        """What is sent in place of factors to a TV that names a base, by base and version."""
        self.delta_missing = 0
        """Bytes of each delta that are stated and never sent."""
        self.bases: list[tuple[int, bytes]] = []
        """The base that each transfer named."""
        self.on_stored: Callable[[], None] = lambda: None
        """Called when a push is stored and not yet answered."""
        self.on_sent: Callable[[int], None] = lambda _: None
        """Called with the offset behind each chunk that was sent."""
        self._owners: dict[str, str] = {}
        """Device of each push by request id."""
        self._tokens: dict[str, str] = {}
        """Device of each token; a token is valid for ever."""
        self._devices: set[str] = set()
        """Devices that are known."""
        self._newest: dict[int, resource_pb2.ResourceInfo] = {}
        self._bodies: dict[tuple[int, int], tuple[resource_pb2.ResourceInfo, bytes]] = {}

    @property
    def sketches(self) -> list[bytes]:
        """Every stored sketch, 48 bytes each."""
        return [
            push.sketches[i : i + 48]
            for push in self.pushes.values()
            for i in range(0, len(push.sketches), 48)
        ]

    def forget_devices(self) -> None:
        """From now on no device is known; tokens stay valid, as those of a fleet do."""
        self._devices.clear()

    def publish(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        body: bytes,
        model_version: str,
        *,
        sha256: bytes | None = None,
    ) -> None:
        """Announces a body to TVs that hold an older version; its true SHA-256 unless given."""
        info = resource_pb2.ResourceInfo(
            kind=kind,
            version=version,
            size_bytes=len(body),
            sha256=hashlib.sha256(body).digest() if sha256 is None else sha256,
            model_version=model_version,
        )
        self._bodies[kind, version] = (info, body)
        self._newest[kind] = info

    def announced(self, kind: resource_pb2.ResourceKind.ValueType) -> resource_pb2.ResourceInfo:
        """What is announced of a kind; changes to it are announced too."""
        return self._newest[kind]

    def tell(self, delta: StateDelta) -> None:
        """Gives every exchange this delta."""
        self.tell_raw(encode_state_delta(delta), delta.version)

    def tell_raw(
        self,
        delta: bytes,
        version: int = 1,
        compression: resource_pb2.Compression.ValueType = resource_pb2.COMPRESSION_ZSTD,
    ) -> None:
        """Gives every exchange these bytes as its delta."""
        self.news.delta, self.news.state_version = delta, version
        self.news.compression = compression

    def ask_back_in(self, wait: timedelta) -> None:
        """Asks TVs to come back after this time."""
        self.news.retry_after.FromTimedelta(wait)

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """An identity; the same one for the same request id."""
        del context
        self.registrations.append(request)
        device_id = "tv-" + request.request_id.replace("-", "")
        token = f"token-{len(self.registrations)}"
        self._tokens[token] = device_id
        self._devices.add(device_id)
        return pb.RegisterDeviceResponse(device_id=device_id, auth_token=token)

    def Sync(  # noqa: N802 - name of the contract
        self, request: pb.SyncRequest, context: grpc.ServicerContext
    ) -> pb.SyncResponse:
        """Stores a push once, then answers or fails."""
        self.requests.append(request)
        fault = self.faults.popleft() if self.faults else None
        if fault and not fault.stored:
            _fail(fault.error, context)
        device_id = self._known_device(context)
        if request.sketches:
            self._owners[request.request_id] = device_id
            self.pushes.setdefault(request.request_id, request)
            self.on_stored()
        if fault:
            _fail(fault.error, context)
        held: dict[int, int] = {r.kind: r.version for r in request.held}
        answer = pb.SyncResponse(
            accepted_sketches=len(request.classes),
            resources=[
                info for kind, info in self._newest.items() if info.version > held.get(kind, 0)
            ],
        )
        if self.news.state_version != request.state_version:
            answer.MergeFrom(self.news)
        else:
            answer.retry_after.CopyFrom(self.news.retry_after)
        return answer

    def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """A body in pieces, cut off when told."""
        self._known_device(context)
        self.offsets.append(request.offset)
        self.bases.append((request.base_version, request.base_sha256))
        info, body = self._bodies[request.kind, request.version]
        delta = self.deltas.get((request.base_version, request.version))
        if delta is not None and not request.offset:
            body = delta
            info = resource_pb2.ResourceInfo(
                kind=info.kind,
                version=info.version,
                size_bytes=len(delta) + self.delta_missing,
                sha256=hashlib.sha256(delta).digest(),
                model_version=info.model_version,
                base_version=request.base_version,
            )
        cut, self.cut_after = self.cut_after, None
        end = len(body) if cut is None else request.offset + cut
        for at in range(request.offset, end, self.piece):
            data = body[at : min(at + self.piece, end)]
            yield pb.GetResourceResponse(
                chunk=resource_pb2.ResourceChunk(
                    info=info if at == request.offset else None, offset=at, data=data
                )
            )
            self.sent += len(data)
            self.on_sent(at + len(data))
        if cut is not None:
            _fail(grpc.StatusCode.UNAVAILABLE, context)

    def EraseDevice(  # noqa: N802 - name of the contract
        self, request: pb.EraseDeviceRequest, context: grpc.ServicerContext
    ) -> pb.EraseDeviceResponse:
        """Forgets the device and its pushes, or fails; one that is gone gets the same answer."""
        del request
        device_id = self._device(context)
        self.erasures.append(device_id)
        fault = self.erasure_faults.popleft() if self.erasure_faults else None
        if fault and not fault.stored:
            _fail(fault.error, context)
        theirs = [push for push, owner in self._owners.items() if owner == device_id]
        for push in theirs:
            del self.pushes[push], self._owners[push]
        self._devices.discard(device_id)
        self.erased.add(device_id)
        if fault:
            _fail(fault.error, context)
        return pb.EraseDeviceResponse(pushes=len(theirs))

    def _device(self, context: grpc.ServicerContext) -> str:
        """The device that the token names, known or not."""
        given = dict(context.invocation_metadata()).get("authorization", "")
        device_id = self._tokens.get(str(given).removeprefix("Bearer "))
        if device_id is None:
            _fail(OmegaError(ErrorCode.UNAUTHENTICATED), context)
        return device_id

    def _known_device(self, context: grpc.ServicerContext) -> str:
        device_id = self._device(context)
        if device_id not in self._devices:
            _fail(OmegaError(ErrorCode.UNAUTHENTICATED), context)
        return device_id


@contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    """Serves a gateway on a socket of this machine; gives its address."""
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        sync_service_pb2_grpc.add_SyncServiceServicer_to_server(gateway, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


def _fail(error: OmegaError | grpc.StatusCode, context: grpc.ServicerContext) -> NoReturn:
    if isinstance(error, OmegaError):
        context.abort_with_status(rpc_status.to_status(to_status(error)))
    else:
        context.abort(error, "as told")
    raise AssertionError("abort returned")
