"""Client of a shard's owner."""

from __future__ import annotations

from typing import ClassVar

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc, directory_pb2
from omega_client.base import Client, ServiceClient
from omega_client.methods import server_stream, unary
from omega_client.resources import Chunks

STORE_SECONDS = 10.0
"""Default deadline of registrations, pushes, erasures and reads."""
UPSERT_SECONDS = 120.0
"""Default deadline of an upsert: it may publish a catalogue."""
BODY_SECONDS = 300.0
"""Default deadline of a resource's body."""


class ConstellationMethods(Client):
    """omega.constellation.v1.ConstellationService. Every method raises ServiceError."""

    service: ClassVar[str] = "omega.constellation.v1.ConstellationService"
    stub = constellation_service_pb2_grpc.ConstellationServiceStub

    @unary(pb.RegisterDeviceResponse, STORE_SECONDS)
    def register_device(self, request: pb.RegisterDeviceRequest) -> pb.RegisterDeviceRequest:
        """Makes or repeats a device's identity."""
        return request

    @unary(pb.IngestPatternsResponse, STORE_SECONDS)
    def ingest_patterns(self, request: pb.IngestPatternsRequest) -> pb.IngestPatternsRequest:
        """Stores pushes; committed when this returns."""
        return request

    @unary(pb.GetGlobalStateResponse, STORE_SECONDS)
    def get_global_state(self, request: pb.GetGlobalStateRequest) -> pb.GetGlobalStateRequest:
        """News of the collective state, and the current resources."""
        return request

    @unary(pb.GetHeadsResponse, STORE_SECONDS)
    def get_heads(self, request: pb.GetHeadsRequest) -> pb.GetHeadsRequest:
        """The newest versions of everything, and what was revoked."""
        return request

    @unary(directory_pb2.GetDirectoryResponse, STORE_SECONDS, lambda answer: answer.directory)
    def get_directory(self) -> directory_pb2.GetDirectoryRequest:
        """The directory of shards that it holds; version 0 where there is none."""
        return directory_pb2.GetDirectoryRequest()

    @unary(directory_pb2.AdoptDevicesResponse, STORE_SECONDS)
    def adopt_devices(
        self, request: directory_pb2.AdoptDevicesRequest
    ) -> directory_pb2.AdoptDevicesRequest:
        """Hands 1 to 64 devices over to the shard, each with all that is held of it."""
        return request

    @unary(directory_pb2.SpendClaimResponse, STORE_SECONDS)
    def spend_claim(self, claim: str, device_id: str) -> directory_pb2.SpendClaimRequest:
        """Spends a one-time claim at the home shard; the same device may spend it again."""
        return directory_pb2.SpendClaimRequest(claim=claim, device_id=device_id)

    @unary(pb.IssueTokensResponse, STORE_SECONDS)
    def issue_tokens(self, request: pb.IssueTokensRequest) -> pb.IssueTokensRequest:
        """Tokens of reports for a device, still blinded; the same request again counts once."""
        return request

    @unary(pb.UpsertContentsResponse, UPSERT_SECONDS)
    def upsert_contents(self, request: pb.UpsertContentsRequest) -> pb.UpsertContentsRequest:
        """Adds or replaces titles with their vectors, all of them or none."""
        return request

    @server_stream(pb.GetResourceResponse, BODY_SECONDS, Chunks)
    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        base: tuple[int, bytes] = (0, b""),
    ) -> pb.GetResourceRequest:
        """The body's chunks from byte `offset` on; the first carries its ResourceInfo.

        With `base`, a version held and the SHA-256 that names it, what comes may be a delta from
        it, as the ResourceInfo then states.

        Raises:
            ServiceError: while iterating.
            OmegaError: CORRUPT_RESOURCE, while iterating, when the chunks are not the wanted body
                without gaps. The SHA-256 is not checked here.
        """
        return pb.GetResourceRequest(
            kind=kind, version=version, offset=offset, base_version=base[0], base_sha256=base[1]
        )

    @unary(pb.PublishCodebookResponse, STORE_SECONDS)
    def publish_codebook(self, body: bytes) -> pb.PublishCodebookRequest:
        """Stores a codebook as the newest; the same body again changes nothing."""
        return pb.PublishCodebookRequest(body=body)

    @unary(pb.EraseDeviceResponse, STORE_SECONDS)
    def erase_device(self, device_id: str) -> pb.EraseDeviceRequest:
        """Erases a device and its pushes; committed when this returns."""
        return pb.EraseDeviceRequest(device_id=device_id)

    @unary(pb.GetClusterStatusResponse, STORE_SECONDS)
    def get_cluster_status(self, max_devices: int = 0) -> pb.GetClusterStatusRequest:
        """Figures of the shard, with at most `max_devices` (0 to 1,000) of its devices."""
        return pb.GetClusterStatusRequest(max_devices=max_devices)


class ConstellationClient(ConstellationMethods, ServiceClient):
    """The owner of a shard, from threads."""
