"""Client of a shard's owner."""

from __future__ import annotations

from collections.abc import Iterator

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc, directory_pb2
from omega_client.base import ServiceClient
from omega_client.resources import checked_chunks
from omega_rpc.tls import ClientTls

STORE_SECONDS = 10.0
"""Default deadline of registrations, pushes, erasures and reads."""
UPSERT_SECONDS = 120.0
"""Default deadline of an upsert: it may publish a catalogue."""
BODY_SECONDS = 300.0
"""Default deadline of a resource's body."""


class ConstellationClient(ServiceClient):
    """omega.constellation.v1.ConstellationService. Every method raises ServiceError."""

    def __init__(
        self, target: str, *, timeout: float | None = None, tls: ClientTls | None = None
    ) -> None:
        super().__init__(target, timeout=timeout, tls=tls)
        self._stub = constellation_service_pb2_grpc.ConstellationServiceStub(self._channel)

    def register_device(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceResponse:
        """Makes or repeats a device's identity."""
        return self._call(self._stub.RegisterDevice, request, STORE_SECONDS)

    def ingest_patterns(self, request: pb.IngestPatternsRequest) -> pb.IngestPatternsResponse:
        """Stores pushes; committed when this returns."""
        return self._call(self._stub.IngestPatterns, request, STORE_SECONDS)

    def get_global_state(self, request: pb.GetGlobalStateRequest) -> pb.GetGlobalStateResponse:
        """News of the collective state, and the current resources."""
        return self._call(self._stub.GetGlobalState, request, STORE_SECONDS)

    def get_heads(self, request: pb.GetHeadsRequest) -> pb.GetHeadsResponse:
        """The newest versions of everything, and what was revoked."""
        return self._call(self._stub.GetHeads, request, STORE_SECONDS)

    def get_directory(self) -> directory_pb2.Directory:
        """The directory of shards that it holds; version 0 where there is none."""
        request = directory_pb2.GetDirectoryRequest()
        return self._call(self._stub.GetDirectory, request, STORE_SECONDS).directory

    def adopt_devices(
        self, request: directory_pb2.AdoptDevicesRequest
    ) -> directory_pb2.AdoptDevicesResponse:
        """Hands 1 to 64 devices over to the shard, each with all that is held of it."""
        return self._call(self._stub.AdoptDevices, request, STORE_SECONDS)

    def spend_claim(self, claim: str, device_id: str) -> directory_pb2.SpendClaimResponse:
        """Spends a one-time claim at the home shard; the same device may spend it again."""
        request = directory_pb2.SpendClaimRequest(claim=claim, device_id=device_id)
        return self._call(self._stub.SpendClaim, request, STORE_SECONDS)

    def upsert_contents(self, request: pb.UpsertContentsRequest) -> pb.UpsertContentsResponse:
        """Adds or replaces titles with their vectors, all of them or none."""
        return self._call(self._stub.UpsertContents, request, UPSERT_SECONDS)

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """Yields the body's chunks from byte `offset` on; the first carries its ResourceInfo.

        With `base`, a version held and the SHA-256 that names it, what comes may be a delta from
        it, as the ResourceInfo then states.

        Raises:
            ServiceError: while iterating.
            OmegaError: CORRUPT_RESOURCE, while iterating, when the chunks are not the wanted body
                without gaps. The SHA-256 is not checked here.
        """
        request = pb.GetResourceRequest(
            kind=kind, version=version, offset=offset, base_version=base[0], base_sha256=base[1]
        )
        answers = self._stream(self._stub.GetResource, request, BODY_SECONDS)
        return checked_chunks(answers, kind, version, offset)

    def publish_codebook(self, body: bytes) -> pb.PublishCodebookResponse:
        """Stores a codebook as the newest; the same body again changes nothing."""
        request = pb.PublishCodebookRequest(body=body)
        return self._call(self._stub.PublishCodebook, request, STORE_SECONDS)

    def erase_device(self, device_id: str) -> pb.EraseDeviceResponse:
        """Erases a device and its pushes; committed when this returns."""
        request = pb.EraseDeviceRequest(device_id=device_id)
        return self._call(self._stub.EraseDevice, request, STORE_SECONDS)

    def get_cluster_status(self, max_devices: int = 0) -> pb.GetClusterStatusResponse:
        """Figures of the shard, with at most `max_devices` (0 to 1,000) of its devices."""
        request = pb.GetClusterStatusRequest(max_devices=max_devices)
        return self._call(self._stub.GetClusterStatus, request, STORE_SECONDS)
