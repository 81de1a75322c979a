"""Client of the fleet's door for TVs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_client.base import LONGEST, Client, ServiceClient
from omega_client.methods import Asked, Credential, Requests, exchange, server_stream, unary
from omega_client.resources import Chunks, download
from omega_core import validate

_SERVICE = "omega.sync.v1.SyncService"
SERVICE = f"/{_SERVICE}/"
"""What the full name of each method begins with."""
EXCHANGE_SECONDS = 15.0
"""Default deadline of a registration, exchange or erasure."""
BODY_SECONDS = 300.0
"""Default deadline of a resource's body."""
STREAM_SECONDS = LONGEST
"""Default length of an open stream, and the longest."""


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

    def get_reporting_keys(
        self, *, credential: Credential | None = None
    ) -> pb.GetReportingKeysResponse:
        """What reports of pairs are made with."""
        ...

    def issue_tokens(
        self, request: pb.IssueTokensRequest, *, credential: Credential | None = None
    ) -> pb.IssueTokensResponse:
        """Tokens of such reports."""
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


class SyncMethods(Client):
    """omega.sync.v1.SyncService. Every method raises ServiceError.

    A device is shown by the credential that is given with each call, so one channel can serve many;
    or by the certificate in `tls`, and then without a credential. A call that the server did not
    take (UNAVAILABLE) is sent again, twice at most, with another proof each time; GetResource is
    not, because it goes on where it stopped, nor StreamSync.
    """

    service: ClassVar[str] = _SERVICE
    stub = sync_service_pb2_grpc.SyncServiceStub
    repeats: ClassVar[bool] = False
    pings: ClassVar[bool] = True

    @unary(pb.RegisterDeviceResponse, EXCHANGE_SECONDS)
    def register_device(
        self, request: pb.RegisterDeviceRequest, *, credential: Credential | None = None
    ) -> Asked:
        """An identity, its token and its certificate; without a csr the credential proves the key.

        The credential is one without a token.
        """
        return Asked(request, credential)

    @unary(pb.SyncResponse, EXCHANGE_SECONDS)
    def sync(self, request: pb.SyncRequest, *, credential: Credential | None = None) -> Asked:
        """Push and pull; the push is durable when this returns."""
        return Asked(request, credential)

    @unary(pb.PushPatternsResponse, EXCHANGE_SECONDS)
    def push_patterns(
        self, request: pb.PushPatternsRequest, *, credential: Credential | None = None
    ) -> Asked:
        """The push alone; durable when this returns."""
        return Asked(request, credential)

    @unary(pb.PullPatternsResponse, EXCHANGE_SECONDS)
    def pull_patterns(
        self, request: pb.PullPatternsRequest, *, credential: Credential | None = None
    ) -> Asked:
        """The pull alone, or a further page of one."""
        return Asked(request, credential)

    @exchange(pb.StreamSyncResponse, STREAM_SECONDS)
    def stream_sync(
        self,
        requests: Requests[pb.StreamSyncRequest],
        *,
        seconds: float = STREAM_SECONDS,
        credential: Credential | None = None,
    ) -> Asked:
        """Exchanges on one open stream, and news that come unasked; close it when done.

        After a break open another: every exchange names its request_id, so nothing is lost.

        Args:
            requests: what the device says, the first at once and each further exchange after the
                answer to the one before; from threads it is read in another thread. What it raises
                comes out while iterating over the answers.
            seconds: how long the stream may stay open, 0.001 to a day; the client's own timeout
                does not apply.
            credential: who calls.

        Raises:
            OmegaError: INVALID_FIELD when `seconds` is out of bounds.
            ServiceError: while iterating; DEADLINE_EXCEEDED when the time is over.
        """
        validate.number("seconds", seconds, 0.001, STREAM_SECONDS)
        return Asked(requests, credential, seconds)

    @unary(pb.EraseDeviceResponse, EXCHANGE_SECONDS)
    def erase_device(self, *, credential: Credential | None = None) -> Asked:
        """Erases the calling device, for good; an erased one again without a complaint."""
        return Asked(pb.EraseDeviceRequest(), credential)

    @unary(pb.GetReportingKeysResponse, EXCHANGE_SECONDS)
    def get_reporting_keys(self, *, credential: Credential | None = None) -> Asked:
        """What reports of pairs are made with; to be compared with what the relay says."""
        return Asked(pb.GetReportingKeysRequest(), credential)

    @unary(pb.IssueTokensResponse, EXCHANGE_SECONDS)
    def issue_tokens(
        self, request: pb.IssueTokensRequest, *, credential: Credential | None = None
    ) -> Asked:
        """Tokens of such reports, still blinded; the same request again counts once."""
        return Asked(request, credential)

    @server_stream(pb.GetResourceResponse, BODY_SECONDS, Chunks)
    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        credential: Credential | None = None,
        base: tuple[int, bytes] = (0, b""),
    ) -> Asked:
        """The body's chunks from byte `offset` on; the first carries its ResourceInfo.

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
        return Asked(resource_request(kind, version, offset, base), credential)


class SyncClient(SyncMethods, ServiceClient):
    """The fleet's door for TVs, from threads."""

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


def resource_request(
    kind: resource_pb2.ResourceKind.ValueType, version: int, offset: int, base: tuple[int, bytes]
) -> pb.GetResourceRequest:
    """Asks for a body, or for a delta from `base`: its version and the SHA-256 that names it."""
    return pb.GetResourceRequest(
        kind=kind, version=version, offset=offset, base_version=base[0], base_sha256=base[1]
    )
