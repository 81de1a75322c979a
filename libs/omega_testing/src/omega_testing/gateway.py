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
from grpc_status import rpc_status

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import StateDelta
from omega_rpc.status import to_status
from omega_testing.gateway_access import Access
from omega_testing.gateway_news import News


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
        self.access = Access()
        """Who may speak."""
        self.told = News()
        """What TVs are told of the collective state."""
        self.registrations: list[pb.RegisterDeviceRequest] = []
        """As received."""
        self.registration_faults: deque[Fault] = deque()
        """One for each of the next registrations."""
        self.pulls: list[pb.PullPatternsRequest] = []
        """Every pull as received."""
        self.on_pull: Callable[[pb.PullPatternsRequest], None] = lambda _: None
        """Called before a pull is answered."""
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
        self.news = self.told.answer
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
        """From now on no device is known until it registers again; tokens stay valid."""
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
        self.told.tell(delta)

    def tell_raw(
        self,
        delta: bytes,
        version: int = 1,
        compression: resource_pb2.Compression.ValueType = resource_pb2.COMPRESSION_ZSTD,
    ) -> None:
        """Gives every exchange these bytes as its delta."""
        self.told.tell_raw(delta, version, compression)

    def ask_back_in(self, wait: timedelta) -> None:
        """Asks TVs to come back after this time."""
        self.news.retry_after.FromTimedelta(wait)

    def RegisterDevice(  # noqa: N802 - name of the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """An identity; the same one for the same request id."""
        self.registrations.append(request)
        fault = self.registration_faults.popleft() if self.registration_faults else None
        if fault and not fault.stored:
            _fail(fault.error, context)
        try:
            answer = self.access.admit(request, context)
        except OmegaError as error:
            _fail(error, context)
        self._devices.add(answer.device_id)
        if fault:
            _fail(fault.error, context)
        return answer

    def Sync(  # noqa: N802 - name of the contract
        self, request: pb.SyncRequest, context: grpc.ServicerContext
    ) -> pb.SyncResponse:
        """Stores a push once, then answers or fails."""
        self.requests.append(request)
        fault = self.faults.popleft() if self.faults else None
        if fault and not fault.stored:
            _fail(fault.error, context)
        device_id = self._known_device(context, "Sync")
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
            report_wanted=self.told.asks_for_reports,
            recalled=self.told.recalled,
        )
        answer.MergeFrom(self.told.of(request))
        return answer

    def PushPatterns(  # noqa: N802 - name of the contract
        self, _request: pb.PushPatternsRequest, context: grpc.ServicerContext
    ) -> pb.PushPatternsResponse:
        """Not used by TVs."""
        _fail(grpc.StatusCode.UNIMPLEMENTED, context)

    def PullPatterns(  # noqa: N802 - name of the contract
        self, request: pb.PullPatternsRequest, context: grpc.ServicerContext
    ) -> pb.PullPatternsResponse:
        """A page of the news."""
        self._known_device(context, "PullPatterns")
        self.pulls.append(request)
        self.on_pull(request)
        return self.told.page(request)

    def StreamSync(  # noqa: N802 - name of the contract
        self, _requests: Iterator[pb.StreamSyncRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.StreamSyncResponse]:
        """Not used by TVs."""
        _fail(grpc.StatusCode.UNIMPLEMENTED, context)

    def GetResource(  # noqa: N802 - name of the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """A body in pieces, cut off when told."""
        self._known_device(context, "GetResource")
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
        device_id = self._device(context, "EraseDevice")
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

    def GetReportingKeys(  # noqa: N802 - name of the contract
        self, request: pb.GetReportingKeysRequest, context: grpc.ServicerContext
    ) -> pb.GetReportingKeysResponse:
        """Takes no reports of pairs."""
        del request
        _fail(OmegaError(ErrorCode.REPORTS_NOT_TAKEN), context)

    def IssueTokens(  # noqa: N802 - name of the contract
        self, request: pb.IssueTokensRequest, context: grpc.ServicerContext
    ) -> pb.IssueTokensResponse:
        """Takes no reports of pairs."""
        del request
        _fail(OmegaError(ErrorCode.REPORTS_NOT_TAKEN), context)

    def _device(self, context: grpc.ServicerContext, method: str) -> str:
        """The device that the credentials name, known or not."""
        try:
            return self.access.device(context, method)
        except OmegaError as error:
            _fail(error, context)

    def _known_device(self, context: grpc.ServicerContext, method: str) -> str:
        device_id = self._device(context, method)
        if device_id not in self._devices:
            _fail(OmegaError(ErrorCode.UNAUTHENTICATED), context)
        return device_id


@contextmanager
def serving(gateway: Gateway, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serves a gateway on a socket of this machine, with TLS where credentials are given.

    Gives its address.
    """
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        sync_service_pb2_grpc.add_SyncServiceServicer_to_server(gateway, server)
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
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
