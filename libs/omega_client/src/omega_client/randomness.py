"""Client of the randomness server of threshold reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from omega.threshold.v1 import randomness_service_pb2 as pb
from omega.threshold.v1 import randomness_service_pb2_grpc
from omega_client.base import Client, ServiceClient
from omega_client.methods import unary

CALL_SECONDS = 10.0
"""Default deadline."""


class RandomnessMethods(Client):
    """omega.threshold.v1.RandomnessService. Every method raises ServiceError."""

    service: ClassVar[str] = "omega.threshold.v1.RandomnessService"
    stub = randomness_service_pb2_grpc.RandomnessServiceStub
    # Who runs it must not be able to tie a call to others of the same TV.
    repeats: ClassVar[bool] = False
    bare: ClassVar[bool] = True

    @unary(pb.GetPublicKeyResponse, CALL_SECONDS)
    def get_public_key(self, epoch: int = 0) -> pb.GetPublicKeyRequest:
        """The key of an epoch and how long it serves; 0 = the epoch of now."""
        return pb.GetPublicKeyRequest(epoch=epoch)

    @unary(pb.EvaluateResponse, CALL_SECONDS)
    def evaluate(self, epoch: int, blinded: Sequence[bytes]) -> pb.EvaluateRequest:
        """Evaluates 1 to 128 blinded elements of 32 bytes; check the proof before use."""
        return pb.EvaluateRequest(epoch=epoch, blinded=blinded)


class RandomnessClient(RandomnessMethods, ServiceClient):
    """A randomness server, from threads."""
