"""Client of the fleet's door for TVs."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import ClassVar, Protocol, TypeVar

import grpc

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_client.base import Metadata, ServiceClient
from omega_client.errors import ServiceError
from omega_client.resources import checked_chunks, download
from omega_rpc.tls import ClientTls

Q = TypeVar("Q")
A = TypeVar("A")
SERVICE = "/omega.sync.v1.SyncService/"
"""What the full name of each method begins with."""
EXCHANGE_SECONDS = 15.0
"""Default deadline of a registration, exchange or erasure."""
BODY_SECONDS = 300.0
"""Default deadline of a resource's body."""
_TRIES = 3
_FIRST_PAUSE = 0.2


class Credential(Protocol):
    """Shows who calls; omega_rpc.dpop.Prover is one."""

    def metadata(self, method: str) -> tuple[tuple[str, str], ...]:
        """Metadata of one call of `method`, "/package.Service/Method"; each call needs its own."""
        ...


class SyncCalls(Protocol):
    """What a TV asks of the fleet, by whatever transport. As SyncClient says."""

    def register_device(
        self, request: pb.RegisterDeviceRequest, *, credential: Credential | None = None
    ) -> pb.RegisterDeviceResponse:
        """An identity."""
        ...

    def sync(
        self, request: pb.SyncRequest, *, credential: Credential | None = None
    ) -> pb.SyncResponse:
        """Push and pull."""
        ...

    def pull_patterns(
        self, request: pb.PullPatternsRequest, *, credential: Credential | None = None
    ) -> pb.PullPatternsResponse:
        """The pull alone."""
        ...

    def erase_device(self, *, credential: Credential | None = None) -> pb.EraseDeviceResponse:
        """Erases the calling device."""
        ...

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        credential: Credential | None = None,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """Chunks of a body."""
        ...

    def close(self) -> None:
        """Ends the calls under way."""
        ...


class SyncClient(ServiceClient):
    """omega.sync.v1.SyncService. Every method raises ServiceError.

    A device is shown by the credential that is given with each call, so one channel can serve many;
    or by the certificate in `tls`, and then without a credential. A call that the server did not
    take (UNAVAILABLE) is sent again, twice at most, with another proof each time; GetResource is
    not, because it goes on where it stopped.
    """

    repeats: ClassVar[bool] = False
    pings: ClassVar[bool] = True

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = sync_service_pb2_grpc.SyncServiceStub(self._channel)
        self._closing = threading.Event()

    def close(self) -> None:
        """As ServiceClient's; no call is sent again."""
        self._closing.set()
        super().close()

    def register_device(
        self, request: pb.RegisterDeviceRequest, *, credential: Credential | None = None
    ) -> pb.RegisterDeviceResponse:
        """An identity, its token and its certificate; without a csr the credential proves the key.

        The credential is one without a token.
        """
        return self._proven("RegisterDevice", self._stub.RegisterDevice, request, credential)

    def sync(
        self, request: pb.SyncRequest, *, credential: Credential | None = None
    ) -> pb.SyncResponse:
        """Push and pull; the push is durable when this returns."""
        return self._proven("Sync", self._stub.Sync, request, credential)

    def push_patterns(
        self, request: pb.PushPatternsRequest, *, credential: Credential | None = None
    ) -> pb.PushPatternsResponse:
        """The push alone; durable when this returns."""
        return self._proven("PushPatterns", self._stub.PushPatterns, request, credential)

    def pull_patterns(
        self, request: pb.PullPatternsRequest, *, credential: Credential | None = None
    ) -> pb.PullPatternsResponse:
        """The pull alone, or a further page of one."""
        return self._proven("PullPatterns", self._stub.PullPatterns, request, credential)

    def erase_device(self, *, credential: Credential | None = None) -> pb.EraseDeviceResponse:
        """Erases the calling device, for good; an erased one again without a complaint."""
        request = pb.EraseDeviceRequest()
        return self._proven("EraseDevice", self._stub.EraseDevice, request, credential)

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        credential: Credential | None = None,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """Yields the body's chunks from byte `offset` on; the first carries its ResourceInfo.

        Args:
            kind: what is wanted.
            version: of it.
            offset: first byte wanted; 0 with a base.
            credential: who calls.
            base: version held and the SHA-256 that names it: what comes may then be a delta from
                it, as the ResourceInfo tells.

        Raises:
            ServiceError: while iterating.
            OmegaError: CORRUPT_RESOURCE, while iterating, when the chunks are not the wanted body
                without gaps. The SHA-256 is not checked here.
        """
        request = pb.GetResourceRequest(
            kind=kind,
            version=version,
            offset=offset,
            base_version=base[0],
            base_sha256=base[1],
        )
        shown = _shown("GetResource", credential)
        answers = self._stream(self._stub.GetResource, request, BODY_SECONDS, shown)
        return checked_chunks(answers, kind, version, offset)

    def download(
        self,
        info: resource_pb2.ResourceInfo,
        *,
        credential: Credential | None = None,
        into: bytearray | None = None,
    ) -> bytes:
        """The whole body that `info` announces, with its SHA-256 verified.

        Args:
            info: from SyncResponse.resources.
            credential: who calls.
            into: first bytes of the body, from an earlier attempt; grows while chunks arrive. After
                a ServiceError, call again with the same `into` to go on. Emptied when the body is
                damaged.

        Raises:
            ServiceError: the server refused or the transfer broke.
            OmegaError: CORRUPT_RESOURCE.
        """
        return download(
            lambda offset: self.get_resource(
                info.kind, info.version, offset, credential=credential
            ),
            info,
            into,
        )

    def _proven(
        self,
        name: str,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        credential: Credential | None,
    ) -> A:
        """One call, sent again where the server did not take it: a proof serves once."""
        pause = _FIRST_PAUSE
        for left in reversed(range(_TRIES)):
            try:
                return self._call(method, request, EXCHANGE_SECONDS, _shown(name, credential))
            except ServiceError as error:
                again = error.status == grpc.StatusCode.UNAVAILABLE.name and not error.reason
                if not left or not again:
                    raise
            if self._closing.wait(random.uniform(0, pause)):  # noqa: S311 - spreads load
                break
            pause *= 2
        raise ServiceError(grpc.StatusCode.CANCELLED.name, message="the client is closed")


def _shown(name: str, credential: Credential | None) -> Metadata:
    return () if credential is None else credential.metadata(SERVICE + name)
