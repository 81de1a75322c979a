"""omega.threshold.v1.RandomnessService: keys and evaluations."""

from __future__ import annotations

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from omega.threshold.v1 import randomness_service_pb2 as pb
from omega.threshold.v1 import randomness_service_pb2_grpc
from omega_core import validate
from omega_core.clock import Clock
from omega_randomness.budget import Budget
from omega_threshold import MAX_BATCH, KeyRing, evaluate


class RandomnessServicer(randomness_service_pb2_grpc.RandomnessServiceServicer):
    """The randomness server. It asks nobody who calls, and notes nothing of a call.

    Args:
        keys: of the epochs.
        budget: what is left of them.
        clock: tells which are open.
    """

    def __init__(self, keys: KeyRing, budget: Budget, clock: Clock) -> None:
        self._keys = keys
        self._budget = budget
        self._clock = clock

    def GetPublicKey(  # noqa: N802 - named by the contract
        self, request: pb.GetPublicKeyRequest, context: grpc.ServicerContext
    ) -> pb.GetPublicKeyResponse:
        """The key, and its time."""
        del context
        now, schedule = self._clock.now(), self._keys.schedule
        epoch = request.epoch or schedule.at(now)
        ends, closes = Timestamp(), Timestamp()
        public = self._keys.key(epoch, now).public
        ends.FromDatetime(schedule.ends(epoch))
        closes.FromDatetime(schedule.closes(epoch))
        return pb.GetPublicKeyResponse(epoch=epoch, public_key=public, ends=ends, closes=closes)

    def Evaluate(  # noqa: N802 - named by the contract
        self, request: pb.EvaluateRequest, context: grpc.ServicerContext
    ) -> pb.EvaluateResponse:
        """One multiplication an element, and one proof for all of them."""
        del context
        validate.count("blinded", request.blinded, MAX_BATCH, 1)
        key = self._keys.key(request.epoch, self._clock.now())
        self._budget.take(request.epoch, len(request.blinded))
        answer = evaluate(key, request.blinded)
        return pb.EvaluateResponse(evaluated=answer.elements, proof=answer.proof)
