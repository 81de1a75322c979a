"""Client of the fleet's door for TVs."""

from __future__ import annotations

from collections.abc import Iterator

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_client.base import Metadata, ServiceClient
from omega_client.resources import assemble, checked_chunks
from omega_rpc.tls import ClientTls

EXCHANGE_SECONDS = 15.0
"""Default deadline of a registration, exchange or erasure."""
BODY_SECONDS = 300.0
"""Default deadline of a resource's body."""


class SyncClient(ServiceClient):
    """omega.sync.v1.SyncService. Every method raises ServiceError.

    The token of a device is given with each call, so one channel can serve many devices.
    """

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = sync_service_pb2_grpc.SyncServiceStub(self._channel)

    def register_device(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceResponse:
        """An identity and its token."""
        return self._call(self._stub.RegisterDevice, request, EXCHANGE_SECONDS)

    def sync(self, request: pb.SyncRequest, *, token: str) -> pb.SyncResponse:
        """Push and pull; the push is durable when this returns."""
        return self._call(self._stub.Sync, request, EXCHANGE_SECONDS, _bearer(token))

    def erase_device(self, *, token: str) -> pb.EraseDeviceResponse:
        """Erases the device of the token, for good; an erased one again without a complaint."""
        return self._call(
            self._stub.EraseDevice, pb.EraseDeviceRequest(), EXCHANGE_SECONDS, _bearer(token)
        )

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        token: str,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """Yields the body's chunks from byte `offset` on; the first carries its ResourceInfo.

        Args:
            kind: what is wanted.
            version: of it.
            offset: first byte wanted; 0 with a base.
            token: the device's token.
            base: version held and the SHA-256 of its body when decompressed: what comes may then be
                a delta from it, as the ResourceInfo tells.

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
        answers = self._stream(self._stub.GetResource, request, BODY_SECONDS, _bearer(token))
        return checked_chunks(answers, kind, version, offset)

    def download(
        self, info: resource_pb2.ResourceInfo, *, token: str, into: bytearray | None = None
    ) -> bytes:
        """The whole body that `info` announces, with its SHA-256 verified.

        Args:
            info: from SyncResponse.resources.
            token: the device's token.
            into: first bytes of the body, from an earlier attempt; grows while chunks arrive. After
                a ServiceError, call again with the same `into` to go on. Emptied when the body is
                damaged.

        Raises:
            ServiceError: the server refused or the transfer broke.
            OmegaError: CORRUPT_RESOURCE.
        """
        held = bytearray() if into is None else into
        complete = len(held) >= info.size_bytes
        chunks = (
            iter(())
            if complete
            else self.get_resource(info.kind, info.version, len(held), token=token)
        )
        return assemble(chunks, info, held)


def _bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)
